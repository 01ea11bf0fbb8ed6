/**
 * The texts of GPU kernels, which the two threads of a build print together: each takes the next one
 * that nobody has taken, so that both end at about the same time whatever else they have to do.
 */

import { kernelFile, printCuda, wgslFiles } from "../codegen/index.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** Texts with the names of their files. */
export type NamedTexts = readonly (readonly [string, string])[];

/** How many texts are taken: memory that threads share. */
export type Taken = Int32Array<SharedArrayBuffer>;

/** The kernels that a thread knows of so far, in an order that all threads share. */
export class TextQueue {
  readonly taken: Taken;
  private readonly kernels: Kernel[] = [];
  private turn: number | undefined;

  constructor(taken: Taken = new Int32Array(new SharedArrayBuffer(4))) {
    this.taken = taken;
  }

  add(kernel: Kernel): void {
    this.kernels.push(kernel);
  }

  /** Prints the next texts that nobody has taken; undefined if this thread knows of no more. */
  printNext(): NamedTexts | undefined {
    // A turn that comes before its kernel is kept: nobody else will take it.
    this.turn ??= Atomics.add(this.taken, 0, 1);
    const kernel = this.kernels[Math.floor(this.turn / 2)];
    if (kernel === undefined) return undefined;
    const isFirst = this.turn % 2 === 0;
    this.turn = undefined;
    return isFirst ? wgslFiles(kernel) : [[kernelFile(kernel.name, "cu"), printCuda(kernel)]];
  }
}
