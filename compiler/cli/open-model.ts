/** From a spec and a checkpoint folder to an assistant on a device, with progress on the way. */

import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { unreachable } from "../../grammar/invariant.ts";
import { Assistant } from "../../runtime/assistant.ts";
import { type ChosenBackend, chooseBackend } from "../../runtime/choose.ts";
import { diskFolder, nodeCuda, nodeGpu, quietGpu } from "../../runtime/node/index.ts";
import type {
  CompiledModel,
  KernelTexts,
  MultiplyAdd,
  Quantization,
} from "../../runtime/contract.ts";
import { Session } from "../../runtime/session.ts";
import { checkConfig } from "../../runtime/weights/config.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { type Folder, pathIn, readSettings } from "../../runtime/weights/folder.ts";
import { matchWeights, unreadNote } from "../../runtime/weights/match.ts";
import { checkpointWeights } from "../../runtime/weight-source.ts";
import { type CheckedModel, type Compiled, prepare, prepareAnswers } from "../compile.ts";
import { encodeWasm, printCuda, printWgsl } from "../codegen/index.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { PreparedPhase } from "../plan/prepare.ts";
import { type PrecisionOption, stored } from "./precision.ts";
import { compileTuned, expectTarget, type SchedulesOption, schedulesOf } from "./schedules.ts";
import { shown } from "./sources.ts";
import { type MathOption, targetOf } from "./target.ts";
import { clear, progress, say } from "./terminal.ts";
import type { TraceFile } from "./trace-file.ts";
import { UsageError } from "./usage-error.ts";
import { LossReport } from "./weights-type.ts";

/** Where the model runs and where its weights are. */
export interface RunOptions extends MathOption, PrecisionOption, SchedulesOption {
  readonly weights?: string;
  readonly backend: string;
  /** Threads of the CPU; as many as it has if absent. */
  readonly threads?: number;
  /** How the CPU multiplies and adds; fused where the engine can if absent. */
  readonly multiplyAdd?: MultiplyAdd;
  /** How weights of products are stored; as floats if absent. */
  readonly weightsType?: Quantization;
  /** Where a Chrome trace of the run goes. */
  readonly trace?: TraceFile;
  /** Tensors that nothing reads are errors. */
  readonly strict?: boolean;
}

/** The folder that `--weights` names, or `weights` beside the spec. */
export function weightsFolder(file: string, options: RunOptions): Folder {
  const path = options.weights ?? join(dirname(file), "weights");
  if (!existsSync(path)) {
    const hint =
      "name a checkpoint folder: `--weights DIR`, with model.safetensors and tokenizer.json in it";
    throw new UsageError(`there is no folder ${shown(path)}`, hint);
  }
  if (!statSync(path).isDirectory()) {
    const hint = `name the folder that it is in: \`--weights ${shown(dirname(path)) || "."}\``;
    throw new UsageError(`${shown(path)} is not a folder`, hint);
  }
  return diskFolder(shown(path));
}

/** Compiles the phases of a model for the chosen device and loads its weights. */
export async function openSession(
  model: CheckedModel,
  folder: Folder,
  options: RunOptions,
  prepared: readonly PreparedPhase[] = prepare(model),
): Promise<Session> {
  const gpu = options.backend === "auto" ? quietGpu : nodeGpu;
  const chosen = await chooseBackend(options.backend, gpu, options, nodeCuda);
  say(chosen.reason);
  const { weightsType } = options;
  if (weightsType !== undefined && chosen.target !== "cpu") {
    const message = `weights of ${weightsType.bits} bits are for the CPU, not for ${chosen.kind}`;
    throw new UsageError(message, "add `--backend cpu`, or leave `--weights-type` out");
  }
  const weights = weightsType === undefined ? {} : { weights: weightsType };
  const target = stored(targetOf(chosen, options), options);
  const named = schedulesOf(options);
  expectTarget(named, [target]);
  const compiled = compileTuned(model, { ...target, ...weights }, prepared, named);
  const losses = weightsType === undefined ? undefined : new LossReport(weightsType);
  const checkpoint = await openCheckpoint(folder);
  try {
    const config = await readSettings(folder, "config.json");
    if (config !== undefined) {
      checkConfig(compiled.plan.configChecks, config, pathIn(folder, "config.json"));
    }
    const match = matchWeights(compiled.plan.weights, checkpoint.tensors, folder.name);
    tellUnread(unreadNote(match.unread, folder.name), options.strict === true);
    const session = await Session.open({
      model: { plan: compiled.plan, ...codeOf(compiled, chosen) },
      backend: await chosen.open(),
      weights: checkpointWeights(match),
      quantized: (name, loss) => losses?.add(name, loss),
      ...(options.trace === undefined ? {} : { trace: options.trace.trace }),
      progress: ({ stage, done, total }) => progress(`loading ${stage}`, done, total),
    });
    clear();
    if (losses !== undefined) say(losses.text);
    return session;
  } finally {
    await checkpoint.close();
  }
}

/** A session with the tokenizer and image settings of the same folder. */
export async function openAssistant(
  model: CheckedModel,
  file: string,
  options: RunOptions,
): Promise<Assistant> {
  const folder = weightsFolder(file, options);
  // A file of schedules has some for all phases.
  const prepared = options.schedules === undefined ? prepareAnswers(model) : prepare(model);
  return Assistant.open(await openSession(model, folder, options, prepared), folder);
}

/** The code of kernels, in the language of their target, for a device that was chosen. */
export function codeOf(
  { target, kernels }: Pick<Compiled, "target" | "kernels">,
  device: Pick<ChosenBackend, "subgroups" | "matrices" | "multiplyAdd">,
): Omit<CompiledModel, "plan"> {
  switch (target.family) {
    case "cpu":
      return { wasm: encodeWasm(kernels, device.multiplyAdd ?? "separate") };
    case "gpu":
      return { wgsl: wgslOf(kernels, device) };
    case "cuda":
      return { cuda: new Map(kernels.map((kernel) => [kernel.name, printCuda(kernel)])) };
    default:
      return unreachable(target.family);
  }
}

/** Texts that are printed when they are asked for: a device may compile one before the next is printed. */
function wgslOf(
  kernels: readonly Kernel[],
  device: Pick<ChosenBackend, "subgroups" | "matrices">,
): KernelTexts {
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  return {
    get: (name) => {
      const kernel = byName.get(name);
      return kernel === undefined ? undefined : printWgsl(kernel, device);
    },
  };
}

function tellUnread(note: string | undefined, strict: boolean): void {
  if (note === undefined) return;
  if (strict) throw new UsageError(note, "leave `--strict` out if that is right");
  say(note);
}
