/**
 * The kernels of an emitted model, as files beside it: `kernels/<name>.wgsl` for WebGPU,
 * `<name>.subgroups.wgsl` for devices whose subgroups suit the kernel, `.cu` for
 * CUDA with one `kernels/<architecture>.cubin` for each architecture they were compiled for, and
 * `kernels.wasm` for the CPU, `kernels.fused.wasm` for engines with fused multiply-add.
 */

import {
  type CompiledModel,
  fitsSubgroups,
  moduleFile,
  type MultiplyAdd,
  type Plan,
  type SubgroupRange,
} from "./contract.ts";
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
 * The plan with its kernels, which lie beside `base`, for a device: with `cubin`, an architecture, those
 * of a plan for CUDA as they were compiled for it, else as text; with the sizes of its subgroups those
 * of a plan for WebGPU that use them; with `multiplyAdd` those of a plan for the CPU that add so.
 */
export async function loadKernels(
  plan: Plan,
  base: URL,
  read: ReadFile = fetchFile,
  {
    cubin,
    subgroups,
    multiplyAdd = "separate",
  }: {
    readonly cubin?: string;
    readonly subgroups?: SubgroupRange;
    readonly multiplyAdd?: MultiplyAdd;
  } = {},
): Promise<CompiledModel> {
  const texts = async (ending: string): Promise<ReadonlyMap<string, string>> => {
    const sources = plan.kernels.map(async (kernel): Promise<[string, string]> => {
      const { name } = kernel;
      const variant = fitsSubgroups(kernel.subgroups, subgroups) ? "subgroups." : "";
      const file = `kernels/${encodeURIComponent(name)}.${variant}${ending}`;
      const bytes = await read(new URL(file, base));
      return [name, new TextDecoder().decode(bytes)];
    });
    return new Map(await Promise.all(sources));
  };
  switch (plan.target) {
    case "cpu":
      return { plan, wasm: await read(new URL(moduleFile(multiplyAdd), base)) };
    case "gpu":
      return { plan, wgsl: await texts("wgsl") };
    case "cuda":
      if (cubin === undefined) return { plan, cuda: await texts("cu") };
      return { plan, cubin: await read(new URL(`kernels/${cubin}.cubin`, base)) };
  }
}
