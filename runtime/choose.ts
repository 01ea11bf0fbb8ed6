/**
 * Which device runs a model: what the user wants, or the best that there is, and why.
 *
 * The choice comes before kernels are built, since each target has its own. It always comes with a
 * sentence: nobody should wonder which device was used.
 */

import type { Backend } from "./backend.ts";
import { matrixName, type MatrixShape, type MultiplyAdd, type SubgroupRange } from "./contract.ts";
import { type CpuOptions, createCpuBackend } from "./cpu/backend.ts";
import { usableMultiplyAdd } from "./cpu/multiply-add.ts";
import { availableThreads } from "./cpu/threads.ts";
import {
  type CudaPlatform,
  type CudaSource,
  findCudaDevice,
  openCudaBackend,
} from "./cuda/backend.ts";
import type { CudaDevice } from "./cuda/driver.ts";
import { BraidError, reasonOf } from "./errors.ts";
import { createWebGpuBackend, openWebGpuBackend } from "./webgpu/backend.ts";
import { type FoundAdapter, findAdapter, noAdapter } from "./webgpu/device.ts";
import { tryAdapter } from "./webgpu/trial.ts";

/** What a user may ask for. */
export const backendNames = ["auto", "cpu", "webgpu", "cuda"] as const;

/** `auto` takes CUDA where it is, else WebGPU where an adapter is hardware, else the CPU. */
export type BackendName = (typeof backendNames)[number];

/** A device that was chosen but not opened. */
export interface ChosenBackend {
  readonly kind: Backend["kind"];
  /** The kernels it needs. */
  readonly target: Backend["target"];
  /** Whether a GPU is a CPU that computes as one: other kernels suit it. */
  readonly software: boolean;
  /** The sizes of subgroups that WebGPU kernels are to be made for; none where they use none. */
  readonly subgroups?: SubgroupRange;
  /** How kernels for the CPU multiply and add. */
  readonly multiplyAdd?: MultiplyAdd;
  /** The matrices that WebGPU kernels may multiply, the best first; none where they use none. */
  readonly matrices?: readonly MatrixShape[];
  /** The device that kernels of `cuda` are for. */
  readonly cuda?: CudaDevice;
  /** For people: which device, and why. */
  readonly reason: string;
  /** Opens the device; again after it was lost. */
  open(): Promise<Backend>;
}

/** How to reach WebGPU: undefined where the platform has none. */
export type GpuSource = () => Promise<GPU | undefined>;

/** WebGPU as browsers and Deno offer it. */
export const platformGpu: GpuSource = async () => globalThis.navigator?.gpu;

/** More threads than this would mostly wait for memory and for each other. */
const mostThreads = 16;

/**
 * Chooses a device. The CPU is used as `options` say, with as many threads as it has if they say
 * nothing; without `cuda`, CUDA is no choice. Throws what is missing only for a device that was asked
 * for by name, and `backend/name` for other names.
 */
export async function chooseBackend(
  wanted: string,
  gpu: GpuSource,
  options: CpuOptions = {},
  cuda?: CudaSource,
): Promise<ChosenBackend> {
  switch (wanted) {
    case "cpu":
      return cpu("using the CPU, as asked", options);
    case "webgpu":
      return webGpu(gpu, await findAdapter(await gpu()), "as asked");
    case "cuda": {
      if (cuda === undefined) throw noCuda();
      const platform = await cuda();
      return onCuda(platform, findCudaDevice(platform), "as asked");
    }
    case "auto":
      return automatic(gpu, options, cuda);
    default:
      throw new BraidError("backend/name", `there is no backend \`${wanted}\``, {
        hint: `choose one of ${backendNames.join(", ")}`,
      });
  }
}

async function automatic(
  gpu: GpuSource,
  options: CpuOptions,
  cuda: CudaSource | undefined,
): Promise<ChosenBackend> {
  const tried = cuda === undefined ? undefined : await cudaOrReason(cuda);
  if (typeof tried === "object") return tried;
  // What was tried before is said, too.
  const before = tried === undefined ? "" : `${tried}; `;
  let found: FoundAdapter | undefined;
  try {
    found = await findAdapter(await gpu());
  } catch (error) {
    const reason = `WebGPU does not start (${firstLine(reasonOf(error))})`;
    return cpu(`${before}${reason}: using the CPU`, options);
  }
  if (found === undefined) return cpu(`${before}no WebGPU adapter: using the CPU`, options);
  if (found.software) {
    return cpu(`${before}the WebGPU adapter ${found.name} is software: using the CPU`, options);
  }
  return webGpu(gpu, found, `${before}the best device here`);
}

/** CUDA, or why it is not to be had. */
async function cudaOrReason(source: CudaSource): Promise<ChosenBackend | string> {
  try {
    const platform = await source();
    const device = findCudaDevice(platform);
    if (await platform.canCompile()) return onCuda(platform, device, "the best device here");
    return `${device.name} needs NVRTC or nvcc to compile kernels`;
  } catch (error) {
    return firstLine(reasonOf(error));
  }
}

function onCuda(platform: CudaPlatform, device: CudaDevice, why: string): ChosenBackend {
  const reason = `using CUDA on ${device.name} (${device.architecture}), ${why}`;
  const open = async (): Promise<Backend> => openCudaBackend(platform, device);
  return { kind: "cuda", target: "cuda", software: false, cuda: device, reason, open };
}

function noCuda(): BraidError {
  return new BraidError("cuda/driver", "CUDA is not reachable from here", {
    hint: "in Node, pass `cuda: nodeCuda` from `braid/runtime/node`",
  });
}

function cpu(reason: string, options: CpuOptions): ChosenBackend {
  const { threads: wanted } = options;
  const { count, why } = availableThreads();
  const threads = why === undefined ? (wanted ?? Math.min(count, mostThreads)) : 1;
  const instead = wanted !== undefined && wanted !== threads ? `, not ${wanted}: ${why}` : "";
  const said = wanted === undefined && threads === 1 ? "" : `, ${countOf(threads)}${instead}`;
  const multiplyAdd = usableMultiplyAdd(options.multiplyAdd);
  const open = async (): Promise<Backend> => createCpuBackend({ threads, multiplyAdd });
  const chosen = { kind: "cpu", target: "cpu", software: false, multiplyAdd } as const;
  return { ...chosen, reason: `${reason}${said}`, open };
}

function countOf(threads: number): string {
  return threads === 1 ? "one thread" : `${threads} threads`;
}

async function webGpu(
  gpu: GpuSource,
  found: FoundAdapter | undefined,
  why: string,
): Promise<ChosenBackend> {
  if (found === undefined) throw noAdapter();
  const { software } = found;
  const { subgroups, matrices, refused } = await tryAdapter(found);
  const kind = software ? ", a software adapter" : ` ${subgroupText(subgroups, matrices)}`;
  const not = refused === undefined ? "" : `; ${refused}`;
  const reason = `using WebGPU on ${found.name}${kind}, ${why}${not}`;
  // An adapter gives one device only, which a trial takes; after a loss there must be another.
  let unused = software ? found : undefined;
  const open = async (): Promise<Backend> => {
    const first = unused;
    unused = undefined;
    return first === undefined ? createWebGpuBackend(await gpu()) : openWebGpuBackend(first);
  };
  const chosen = { kind: "webgpu", target: "gpu", software, reason, open } as const;
  return {
    ...chosen,
    ...(subgroups !== undefined && { subgroups }),
    ...(matrices.length > 0 && { matrices }),
  };
}

/** In words: `with subgroups of 32` and their matrices, or that kernels use none. */
export function subgroupText(
  range: SubgroupRange | undefined,
  matrices: readonly MatrixShape[] = [],
): string {
  if (range === undefined) return "without subgroups";
  const { min, max } = range;
  const shapes =
    matrices.length === 0 ? "" : ` and matrices ${matrices.map(matrixName).join(", ")}`;
  return `with subgroups of ${min === max ? min : `${min} to ${max}`}${shapes}`;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}
