/**
 * Kernels as the text or bytes of each target: verified, legalized for it, and printed. Anything a
 * target lacks is gone before its printer sees the kernel.
 */

import type { Kernel } from "../kernel/kernel.ts";
import { legalize } from "../kernel/passes/legalize.ts";
import { verifyKernel } from "../kernel/verify.ts";
import { cudaText } from "./cuda.ts";
import { wgslText } from "./wgsl.ts";

/** One WGSL module; its entry point has the kernel's name (bindings: see `runtime/contract.ts`). */
export function printWgsl(kernel: Kernel): string {
  verifyKernel(kernel);
  return wgslText(legalize(kernel, "wgsl"));
}

/** CUDA C++ text with one `extern "C"` kernel: buffers in order, then scalars as `int`. */
export function printCuda(kernel: Kernel): string {
  verifyKernel(kernel);
  return cudaText(legalize(kernel, "cuda"));
}
