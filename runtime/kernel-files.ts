/**
 * The kernels of an emitted model, as files beside it: `kernels/<name>.wgsl` for WebGPU,
 * `<name>.subgroups.wgsl` and `<name>.matrices-<shape>.wgsl` for devices that have these, `.cu` for
 * CUDA with one `kernels/<architecture>.cubin` for each architecture they were compiled for, and
 * `kernels.wasm` for the CPU, `kernels.fused.wasm` for engines with fused multiply-add.
 */

import {
  type CompiledModel,
  fitsSubgroups,
  fittingMatrices,
  matrixName,
  type MatrixShape,
  moduleFile,
  type MultiplyAdd,
  type Plan,
  type PlanKernel,
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

/** What decides which of its texts or binaries a kernel is loaded from. */
export interface KernelDevice {
  /** The architecture that kernels for CUDA were compiled for; without, they come as text. */
  readonly cubin?: string;
  /** The sizes of subgroups that a WebGPU device may choose. */
  readonly subgroups?: SubgroupRange;
  /** The matrices that its subgroups multiply, the best first. */
  readonly matrices?: readonly MatrixShape[];
  /** How kernels for the CPU multiply and add; in two instructions if absent. */
  readonly multiplyAdd?: MultiplyAdd;
}

/** The plan with its kernels, which lie beside `base`, for a device. */
export async function loadKernels(
  plan: Plan,
  base: URL,
  read: ReadFile = fetchFile,
  device: KernelDevice = {},
): Promise<CompiledModel> {
  const { cubin, multiplyAdd = "separate" } = device;
  const texts = async (ending: string): Promise<ReadonlyMap<string, string>> => {
    const sources = plan.kernels.map(async (kernel): Promise<[string, string]> => {
      const { name } = kernel;
      const file = `kernels/${encodeURIComponent(name)}.${variantOf(kernel, device)}${ending}`;
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

/** Which of a kernel's texts suits the device best. */
function variantOf(kernel: PlanKernel, { subgroups, matrices = [] }: KernelDevice): string {
  const shape = fittingMatrices(kernel.matrices, matrices);
  if (shape !== undefined) return `matrices-${matrixName(shape)}.`;
  return fitsSubgroups(kernel.subgroups, subgroups) ? "subgroups." : "";
}
