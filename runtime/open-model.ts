/** How the class of an emitted model opens its session: device, kernels and weights in one call. */

import {
  type BackendName,
  type ChosenBackend,
  chooseBackend,
  type GpuSource,
  platformGpu,
} from "./choose.ts";
import type { MultiplyAdd, Plan } from "./contract.ts";
import type { CudaSource } from "./cuda/backend.ts";
import { fittingCubin } from "./cuda/fit.ts";
import { BraidError, invariant } from "./errors.ts";
import { fetchFile, loadKernels, type ReadFile } from "./kernel-files.ts";
import type { LoadProgress } from "./load.ts";
import type { OutputTensor } from "./outputs.ts";
import { type Outputs, Session } from "./session.ts";
import { checkpointWeights, type WeightSource } from "./weight-source.ts";
import { openCheckpoint } from "./weights/checkpoint.ts";
import { checkConfig } from "./weights/config.ts";
import { type Folder, pathIn, readSettings } from "./weights/folder.ts";
import { matchWeights } from "./weights/match.ts";

/** What a model is loaded from, and where it runs. */
export interface LoadOptions {
  /** A checkpoint's folder, or weights from elsewhere. */
  readonly weights: Folder | WeightSource;
  /** `auto` if absent: WebGPU where there is hardware for it, else the CPU; CUDA if built for that. */
  readonly backend?: BackendName;
  /** Threads where it runs on the CPU; as many as that has if absent. */
  readonly threads?: number;
  /**
   * How it multiplies and adds there: `fused` in one instruction, where the engine has that, if absent;
   * `separate` gives the same bits on every machine.
   */
  readonly multiplyAdd?: MultiplyAdd;
  /** How to reach WebGPU; what the platform offers if absent. */
  readonly gpu?: GpuSource;
  /** How to reach CUDA; without, a model that was built for it has no device. */
  readonly cuda?: CudaSource;
  /** How to read the kernels; by `fetch` if absent. */
  readonly read?: ReadFile;
  readonly progress?: (event: LoadProgress) => void;
}

/** An emitted model: where its kernels lie, and its plans. */
export interface ModelFiles {
  /** The address of `model.js`. */
  readonly base: string;
  /** For WebGPU or CUDA. */
  readonly gpu: Plan;
  /** The architectures that there is a cubin for. */
  readonly cubins?: readonly string[];
  /** Loaded only where the CPU was chosen; absent if the model was built without it. */
  readonly cpu?: () => Promise<Plan>;
}

/** Opens a session for the device that `options` choose. */
export async function openModel(files: ModelFiles, options: LoadOptions): Promise<Session> {
  const { weights, gpu = platformGpu, read = fetchFile, progress } = options;
  const backend = backendFor(files, options);
  // What comes with kernels for WebGPU alone must not choose CUDA where both are.
  const cuda = backend === "cuda" ? options.cuda : undefined;
  const chosen = await chooseBackend(backend, gpu, options, cuda);
  const plan = chosen.target === files.gpu.target ? files.gpu : await otherPlan(files, chosen);
  const architecture = chosen.cuda?.architecture;
  const cubin =
    architecture === undefined ? undefined : fittingCubin(files.cubins ?? [], architecture);
  const model = await loadKernels(plan, new URL(files.base), read, {
    ...(cubin !== undefined && { cubin }),
    ...(chosen.subgroups !== undefined && { subgroups: chosen.subgroups }),
    ...(chosen.multiplyAdd !== undefined && { multiplyAdd: chosen.multiplyAdd }),
    ...(chosen.matrices !== undefined && { matrices: chosen.matrices }),
  });
  const open = async (source: WeightSource): Promise<Session> =>
    Session.open({
      model,
      backend: await chosen.open(),
      weights: source,
      ...(progress === undefined ? {} : { progress }),
    });
  return isFolder(weights) ? withCheckpoint(plan, weights, open) : open(weights);
}

/** What is asked for; what a model is built for decides which devices are a choice. */
function backendFor({ gpu }: ModelFiles, { backend = "auto" }: LoadOptions): BackendName {
  return backend === "auto" && gpu.target === "cuda" ? "cuda" : backend;
}

/** The plan for a device that is not what `files.gpu` is for. Throws `session/target` without one. */
async function otherPlan(files: ModelFiles, { kind, target }: ChosenBackend): Promise<Plan> {
  const plan = target === "cpu" ? await files.cpu?.() : undefined;
  if (plan !== undefined) return plan;
  const { model, target: has } = files.gpu;
  const option = target === "cuda" ? "cuda" : "all";
  const built = has === "cuda" ? "cuda" : "webgpu";
  throw new BraidError("session/target", `${model} was built without kernels for ${kind}`, {
    hint: `build it with \`--target ${option}\`, or load it with \`backend: "${built}"\``,
  });
}

/** The outputs `names` of a run, which must be there. */
export function pick<N extends string>(
  outputs: Outputs,
  names: readonly N[],
): Readonly<Record<N, OutputTensor>> {
  const picked: Partial<Record<N, OutputTensor>> = {};
  for (const name of names) {
    const output = outputs.get(name);
    invariant(output !== undefined, `the phase gives no output ${name}`);
    picked[name] = output;
  }
  const complete = (each: Partial<Record<N, OutputTensor>>): each is Record<N, OutputTensor> =>
    names.every((name) => each[name] !== undefined);
  invariant(complete(picked), "every output was picked");
  return picked;
}

function isFolder(weights: Folder | WeightSource): weights is Folder {
  return "open" in weights;
}

async function withCheckpoint<T>(
  plan: Plan,
  folder: Folder,
  use: (source: WeightSource) => Promise<T>,
): Promise<T> {
  const checkpoint = await openCheckpoint(folder);
  try {
    const config = await readSettings(folder, "config.json");
    if (config !== undefined) {
      checkConfig(plan.configChecks, config, pathIn(folder, "config.json"));
    }
    return await use(
      checkpointWeights(matchWeights(plan.weights, checkpoint.tensors, folder.name)),
    );
  } finally {
    await checkpoint.close();
  }
}
