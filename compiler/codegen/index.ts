/**
 * Kernels as the text or bytes of each target: legalized for it, and printed. Anything a target lacks
 * is gone before its printer sees the kernel. Tests verify kernels; a build need not.
 */

import {
  fitsSubgroups,
  moduleFile,
  type MultiplyAdd,
  type SubgroupRange,
} from "../../runtime/contract.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { subgroupsOf, throughMemory, throughSubgroups } from "../kernel/passes/across.ts";
import { share } from "../kernel/passes/share.ts";
import { expand, legalize } from "../kernel/passes/legalize.ts";
import { cudaText } from "./cuda/cuda.ts";
import { toAddresses } from "./wasm/addresses.ts";
import { encodeModule } from "./wasm/encode.ts";
import { lowerToWasm } from "./wasm/lower.ts";
import { printWasm } from "./wasm/print.ts";
import { spreadLoads } from "./wasm/spread-loads.ts";
import { wgslText } from "./wgsl.ts";

/**
 * One WGSL module; its entry point has the kernel's name (bindings: see `runtime/contract.ts`). It uses
 * subgroups if `device`, what a device may choose as their size, is within what the kernel has a form
 * for.
 */
export function printWgsl(kernel: Kernel, device?: SubgroupRange): string {
  const made = fitsSubgroups(subgroupsOf(kernel), device)
    ? throughSubgroups(kernel)
    : throughMemory(kernel);
  return wgslText(legalize(made, "wgsl"));
}

/** The WGSL of a kernel as files by their names: one for every device and, if it may, one with subgroups. */
export function wgslFiles(kernel: Kernel): readonly (readonly [string, string])[] {
  const plain = [kernelFile(kernel.name, "wgsl"), printWgsl(kernel)] as const;
  const range = subgroupsOf(kernel);
  if (range === undefined) return [plain];
  return [plain, [kernelFile(kernel.name, "subgroups.wgsl"), printWgsl(kernel, range)]];
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
  return spreadLoads(share(toAddresses(expand(kernel, "wasm"))));
}

/** The file of a kernel's text, beside the plan that calls it. */
export function kernelFile(name: string, language: "wgsl" | "subgroups.wgsl" | "cu"): string {
  return `kernels/${name}.${language}`;
}
