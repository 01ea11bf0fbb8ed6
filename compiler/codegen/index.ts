/**
 * Kernels as the text or bytes of each target: legalized for it, and printed. Anything a target lacks
 * is gone before its printer sees the kernel. Tests verify kernels; a build need not.
 */

import {
  fitsSubgroups,
  fittingMatrices,
  matrixName,
  type MatrixShape,
  matrixShapes,
  moduleFile,
  type MultiplyAdd,
  type SubgroupRange,
} from "../../runtime/contract.ts";
import { type Kernel, warpSize } from "../kernel/kernel.ts";
import { subgroupsOf, throughMemory, throughSubgroups } from "../kernel/passes/across.ts";
import { blocksInMatrices, matrixElements } from "../kernel/passes/blocks.ts";
import { share } from "../kernel/passes/share.ts";
import { expand, legalize } from "../kernel/passes/legalize.ts";
import { cudaText } from "./cuda/cuda.ts";
import { toAddresses } from "./wasm/addresses.ts";
import { encodeModule } from "./wasm/encode.ts";
import { lowerToWasm } from "./wasm/lower.ts";
import { printWasm } from "./wasm/print.ts";
import { scaleCounters } from "./wasm/scale-counters.ts";
import { spreadLoads } from "./wasm/spread-loads.ts";
import { wgslText } from "./wgsl.ts";

/** What kernels may use of a WebGPU device besides what every device has. */
export interface WgslDevice {
  /** What it may choose as the size of its subgroups. */
  readonly subgroups?: SubgroupRange | undefined;
  /** What its subgroups, of 32 then, multiply at once; the best first. */
  readonly matrices?: readonly MatrixShape[] | undefined;
}

/**
 * One WGSL module; its entry point has the kernel's name (bindings: see `runtime/contract.ts`). It uses
 * of `device` what the kernel has a form for.
 */
export function printWgsl(kernel: Kernel, { subgroups, matrices = [] }: WgslDevice = {}): string {
  const shape =
    matrices.length === 0 ? undefined : fittingMatrices(matrixElements(kernel), matrices);
  if (shape !== undefined) return wgslText(legalize(throughMatrices(kernel, shape), "wgsl"), shape);
  const made = fitsSubgroups(subgroupsOf(kernel), subgroups)
    ? throughSubgroups(kernel)
    : throughMemory(kernel);
  return wgslText(legalize(made, "wgsl"));
}

/** `kernel` for devices whose subgroups of 32 multiply `shape`. */
export function throughMatrices(kernel: Kernel, { element }: MatrixShape): Kernel {
  const made = blocksInMatrices(kernel, element);
  const exactly = { min: warpSize, max: warpSize };
  return fitsSubgroups(subgroupsOf(made), exactly) ? throughSubgroups(made) : throughMemory(made);
}

/**
 * The WGSL of a kernel as files by their names: one for every device and, if it has such forms, one with
 * subgroups and one for each shape of matrices.
 */
export function wgslFiles(kernel: Kernel): readonly (readonly [string, string])[] {
  const { name } = kernel;
  const subgroups = subgroupsOf(kernel);
  const elements = matrixElements(kernel);
  const shapes = matrixShapes.filter(({ element }) => elements.includes(element));
  return [
    [kernelFile(name, "wgsl"), printWgsl(kernel)],
    ...(subgroups === undefined
      ? []
      : [[kernelFile(name, "subgroups.wgsl"), printWgsl(kernel, { subgroups })] as const]),
    ...shapes.map((shape) => {
      const text = printWgsl(kernel, { matrices: [shape] });
      return [kernelFile(name, `matrices-${matrixName(shape)}.wgsl`), text] as const;
    }),
  ];
}

/** CUDA C++ text with one `extern "C"` kernel: buffers in order, then scalars as `int`. */
export function printCuda(kernel: Kernel): string {
  return cudaText(legalize(throughMemory(kernel), "cuda"));
}

/**
 * One WebAssembly module that exports each kernel by name and imports `env.memory`; how a kernel is
 * called is in `runtime/contract.ts`. Kernels have groups of one invocation. They add products as
 * `multiplyAdd` says.
 */
export function encodeWasm(
  kernels: readonly Kernel[],
  multiplyAdd: MultiplyAdd,
): Uint8Array<ArrayBuffer> {
  return encodeLegal(kernels.map(legalizeWasm), multiplyAdd);
}

/** The modules of `kernels` by their names: one for every engine, and one that adds products fused. */
export function wasmFiles(
  kernels: readonly Kernel[],
): readonly (readonly [string, Uint8Array<ArrayBuffer>])[] {
  const legal = kernels.map(legalizeWasm);
  return (["separate", "fused"] as const).map((each) => [
    moduleFile(each),
    encodeLegal(legal, each),
  ]);
}

/** The WebAssembly function of `kernel` as text, for reading. */
export function printWasmText(kernel: Kernel, multiplyAdd: MultiplyAdd): string {
  return printWasm(lowerToWasm(legalizeWasm(kernel), multiplyAdd));
}

function encodeLegal(
  kernels: readonly Kernel[],
  multiplyAdd: MultiplyAdd,
): Uint8Array<ArrayBuffer> {
  const functions = kernels.map((each) => lowerToWasm(each, multiplyAdd));
  return encodeModule(functions, multiplyAdd);
}

function legalizeWasm(kernel: Kernel): Kernel {
  return spreadLoads(share(scaleCounters(toAddresses(expand(kernel, "wasm")))));
}

/** The file of a kernel's text, beside the plan that calls it. */
export function kernelFile(name: string, ending: "cu" | "wgsl" | `${string}.wgsl`): string {
  return `kernels/${name}.${ending}`;
}
