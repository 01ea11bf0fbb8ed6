/**
 * The kernels of an emitted model, as files beside it: `kernels/<name>.wgsl` for WebGPU, `.cu` for
 * CUDA with one `kernels/<architecture>.cubin` for each architecture they were compiled for, and
 * `kernels.wasm` for the CPU.
 */

import type { CompiledModel, Plan } from "./contract.ts";
import { BraidError, reasonOf } from "./errors.ts";

/** Reads the whole file at an address. */
export type ReadFile = (address: URL) => Promise<Uint8Array>;

/**
 * Reads by `fetch`, as browsers and Deno do. Throws `kernels/file` where there is nothing to read.
 */
export const fetchFile: ReadFile = async (address) => {
  let response: Response;
  try {
    response = await fetch(address);
  } catch (error) {
    const hint =
      address.protocol === "file:"
        ? "Node cannot fetch files: load with `...onDisk(folder)` from `braid/runtime/node`"
        : "check that the kernels are served beside the model";
    throw new BraidError("kernels/file", `${address.href} cannot be read: ${reasonOf(error)}`, {
      hint,
      cause: error,
    });
  }
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  throw new BraidError("kernels/file", `${address.href} answers ${response.status}`, {
    hint: "serve the files that `braid build` wrote together, kernels included",
  });
};

/**
 * The plan with its kernels, which lie beside `base`. With `cubin`, an architecture, those of a plan
 * for CUDA as they were compiled for it, else as text.
 */
export async function loadKernels(
  plan: Plan,
  base: URL,
  read: ReadFile = fetchFile,
  cubin?: string,
): Promise<CompiledModel> {
  const texts = async (ending: string): Promise<ReadonlyMap<string, string>> => {
    const sources = plan.kernels.map(async ({ name }): Promise<[string, string]> => {
      const bytes = await read(new URL(`kernels/${encodeURIComponent(name)}.${ending}`, base));
      return [name, new TextDecoder().decode(bytes)];
    });
    return new Map(await Promise.all(sources));
  };
  switch (plan.target) {
    case "cpu":
      return { plan, wasm: await read(new URL("kernels.wasm", base)) };
    case "gpu":
      return { plan, wgsl: await texts("wgsl") };
    case "cuda":
      if (cubin === undefined) return { plan, cuda: await texts("cu") };
      return { plan, cubin: await read(new URL(`kernels/${cubin}.cubin`, base)) };
  }
}
