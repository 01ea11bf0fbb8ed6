/**
 * From a device's name to an assistant: kernels are compiled while weights come over the network.
 */

import {
  Assistant,
  type BackendName,
  BraidError,
  checkConfig,
  checkpointWeights,
  chooseBackend,
  type Folder,
  matchWeights,
  openCheckpoint,
  platformGpu,
  readSettings,
  type WeightSource,
} from "braid/runtime";
import { Model, plan } from "page/model";
import { readKernels } from "./kernels.ts";
import { sentence } from "./words.ts";

/** What is told on the way. */
export interface Listener {
  /** Which device, and why, in a sentence. */
  device(reason: string): void;
  /** Kernels that are compiled. */
  kernels(done: number, total: number): void;
}

/**
 * Opens the model on the device that is wanted. `auto` goes on with the CPU, and says so, where a
 * GPU that looked usable is not.
 */
export async function openAssistant(
  wanted: BackendName,
  folder: Promise<Folder>,
  listener: Listener,
): Promise<Assistant> {
  const { kind, reason } = await chooseBackend(wanted, platformGpu);
  listener.device(sentence(reason));
  try {
    return await openOn(kind, folder, listener);
  } catch (error) {
    const gpuFailed = error instanceof BraidError && /^(webgpu|memory)\//.test(error.code);
    if (wanted !== "auto" || kind !== "webgpu" || !gpuFailed) throw error;
    const [first = ""] = error.message.split("\n");
    listener.device(sentence(`WebGPU does not start (${first}): using the CPU`));
    return openOn("cpu", folder, listener);
  }
}

async function openOn(
  backend: BackendName,
  folder: Promise<Folder>,
  listener: Listener,
): Promise<Assistant> {
  const { session } = await Model.load({
    backend,
    weights: weightsOf(folder),
    read: readKernels,
    progress: ({ stage, done, total }) => {
      if (stage === "kernels") listener.kernels(done, total);
    },
  });
  return Assistant.open(session, await folder);
}

/** The weights of a checkpoint that is still on its way when the kernels begin to be compiled. */
function weightsOf(folder: Promise<Folder>): WeightSource {
  let source: Promise<WeightSource> | undefined;
  return {
    async read(weight, sink) {
      source ??= matchedWeights(folder);
      await (await source).read(weight, sink);
    },
  };
}

async function matchedWeights(folder: Promise<Folder>): Promise<WeightSource> {
  const here = await folder;
  const config = await readSettings(here, "config.json");
  if (config !== undefined) checkConfig(plan.configChecks, config, "config.json");
  const { tensors } = await openCheckpoint(here);
  // Plans for the CPU and for GPUs read the same weights.
  return checkpointWeights(matchWeights(plan.weights, tensors, here.name));
}
