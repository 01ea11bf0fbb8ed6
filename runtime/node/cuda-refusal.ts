/** What a compiler of CUDA says when it refuses kernels, as an error with something to do. */

import { BraidError } from "../errors.ts";

/** `cuda/compile`: `compiler` refused kernels for `architecture`, for this reason. */
export function refusal(
  compiler: string,
  architecture: string,
  reason: string,
  cause?: unknown,
): BraidError {
  const message = `${compiler} refuses the kernels: ${reason.trim()}`;
  return new BraidError("cuda/compile", message, { hint: hintOf(architecture, reason), cause });
}

function hintOf(architecture: string, reason: string): string {
  if (/gpu[- ]architecture/i.test(reason))
    return `install a newer CUDA toolkit, which knows ${architecture}`;
  if (/(cannot|could not) open source file/.test(reason))
    return "set `CUDA_PATH` to the folder of the CUDA toolkit, which holds `include/cuda_fp16.h`";
  if (/libnvrtc-builtins/.test(reason))
    return "set `LD_LIBRARY_PATH` to the folder that holds libnvrtc-builtins, or install the CUDA toolkit whole";
  return "use another backend, and report this with the spec";
}
