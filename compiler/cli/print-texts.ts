/**
 * The texts of GPU kernels, which the two threads of a build print together: each takes the next one
 * that nobody has taken, so that both end at about the same time whatever else they have to do.
 */

import { kernelFile, printCuda, wgslFiles } from "../codegen/index.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** Texts with the names of their files. */
export type NamedTexts = readonly (readonly [string, string])[];

/** Kernels to print, and how much of them is taken: plain data that threads share. */
export interface PrintedKernels {
  readonly kernels: readonly Kernel[];
  readonly taken: Int32Array<SharedArrayBuffer>;
}

/** `kernels`, of which nothing is taken. */
export function toPrint(kernels: readonly Kernel[]): PrintedKernels {
  return { kernels, taken: new Int32Array(new SharedArrayBuffer(4)) };
}

/** Prints the next texts; undefined if all are taken. */
export function printNext({ kernels, taken }: PrintedKernels): NamedTexts | undefined {
  const turn = Atomics.add(taken, 0, 1);
  const kernel = kernels[Math.floor(turn / 2)];
  if (kernel === undefined) return undefined;
  if (turn % 2 === 0) return wgslFiles(kernel);
  return [[kernelFile(kernel.name, "cu"), printCuda(kernel)]];
}
