/**
 * `braid rank`: which layers matter least. Runs a model that gives one number a layer on calibration
 * data, and prints the layers in the order of their means.
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { backendNames } from "../../runtime/choose.ts";
import type { Plan } from "../../runtime/contract.ts";
import { BraidError } from "../../runtime/errors.ts";
import type { Inputs } from "../../runtime/inputs.ts";
import { fileReader } from "../../runtime/node/index.ts";
import type { Outputs, Session } from "../../runtime/session.ts";
import { floats, integers } from "../../runtime/tensor.ts";
import { readFloats, readIntegers } from "../../runtime/weights/read.ts";
import { openSafetensors } from "../../runtime/weights/safetensors.ts";
import { Assistant } from "../../runtime/assistant.ts";
import { rankingText, type Ranking, rankLayers } from "../report/ranking.ts";
import { readImages } from "./images.ts";
import { loadModel, type ModelOptions, withModelOptions } from "./model-options.ts";
import { openSession, type RunOptions, weightsFolder } from "./open-model.ts";
import { shown } from "./sources.ts";
import { progress } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

interface RankOptions extends ModelOptions, RunOptions {
  readonly image: readonly string[];
  readonly prompt: readonly string[];
  readonly inputs: readonly string[];
  readonly output?: string;
  readonly choose?: number;
}

/** Adds the verb. */
export function addRank(program: Command): void {
  const append = (value: string, before: readonly string[]): readonly string[] => [
    ...before,
    value,
  ];
  withModelOptions(program.command("rank"))
    .description("rank layers by an output that gives one number a layer")
    .argument("<file>", "the .braid file")
    .option("--weights <folder>", "the checkpoint folder; `weights` beside the spec if absent")
    .option("--prompt <text>", "a question to calibrate on (repeatable)", append, [])
    .option("--image <file>", "a PNG or JPEG that all questions are about (repeatable)", append, [])
    .option("--inputs <file>", "a safetensors file of all inputs (repeatable)", append, [])
    .option("--output <name>", "the output to rank by, where several give a number a layer")
    .option("--choose <count>", "how many layers to name; half if absent", atLeastOne)
    .addOption(
      new Option("--backend <name>", "the device").choices([...backendNames]).default("auto"),
    )
    .option("--threads <count>", "threads of the CPU; as many as it has if absent", atLeastOne)
    .addHelpText(
      "after",
      `
The model declares one output a layer in its loop: \`output score[l] = …\`. What is ranked is the mean
over all prompts and files; the lowest comes first.

Example:
  braid rank examples/ee-mllm/ee-mllm-f.braid --model ContributionSmall --weights examples/ee-mllm/weights --image examples/ee-mllm/images/0.png --prompt "how many objects are there?"`,
    )
    .action(rank);
}

async function rank(file: string, options: RankOptions): Promise<void> {
  const model = loadModel(file, options);
  if (model === undefined) return;
  if (options.prompt.length + options.inputs.length === 0) {
    const hint = "add `--prompt TEXT` and `--image FILE`, or `--inputs FILE.safetensors`";
    throw new UsageError("there is nothing to calibrate on", hint);
  }
  const names = model.graph.outputs.map((output) => output.name);
  const score = scoreOf(model.graph.name, names, options.output);
  expectChoice(score, options);
  const folder = weightsFolder(file, options);
  const images = await readImages(options.image);
  const session = await openSession(model, folder, options);
  try {
    const samples: (readonly number[])[] = [];
    const total = options.prompt.length + options.inputs.length;
    const assistant = options.prompt.length > 0 ? await Assistant.open(session, folder) : undefined;
    await assistant?.show(images);
    for (const prompt of options.prompt) {
      progress("calibrating", samples.length, total);
      samples.push(await scoresOf(session, score, assistant?.inputsOf(prompt) ?? {}));
    }
    for (const path of options.inputs) {
      progress("calibrating", samples.length, total);
      samples.push(await scoresOf(session, score, await readInputs(path, session.plan)));
    }
    progress("calibrating", total, total);
    print(rankLayers(score.name, score.layers, samples), options);
  } finally {
    session.close();
  }
}

/** Throws where more layers are asked for than there are. */
function expectChoice({ layers }: Score, { choose = 0 }: RankOptions): void {
  if (choose <= layers.length) return;
  const message = `${choose} of ${layers.length} layers cannot be chosen`;
  throw new UsageError(message, `give \`--choose\` at most ${layers.length}`);
}

function print(ranking: Ranking, { json, choose }: RankOptions): void {
  const count = choose ?? Math.floor(ranking.layers.length / 2);
  const chosen = ranking.layers.slice(0, count).map(({ layer }) => layer);
  const text = json === true ? JSON.stringify({ ...ranking, chosen }) : rankingText(ranking, count);
  process.stdout.write(`${text}\n`);
}

/** An output by layer: `contribution[0]`, `contribution[1]`, … */
interface Score {
  readonly name: string;
  readonly layers: readonly number[];
}

/** The family of outputs to rank by: the only one, or the one that is asked for. */
function scoreOf(model: string, outputs: readonly string[], wanted: string | undefined): Score {
  const families = new Map<string, number[]>();
  for (const output of outputs) {
    const [, name = "", layer] = /^(.+)\[(\d+)\]$/.exec(output) ?? [];
    if (layer !== undefined) families.set(name, [...(families.get(name) ?? []), Number(layer)]);
  }
  const known = [...families.keys()].map((name) => `\`${name}\``).join(", ");
  const [only, more] = wanted === undefined ? families.keys() : [wanted];
  const layers = only === undefined ? undefined : families.get(only);
  if (only !== undefined && more === undefined && layers !== undefined)
    return { name: only, layers: layers.sort((a, b) => a - b) };
  if (families.size === 0) {
    const hint = "declare one in the loop over layers: `output score[l] = …`, or choose `--model`";
    throw new UsageError(`${model} has no output by layer`, hint);
  }
  if (wanted !== undefined)
    throw new UsageError(`${model} has no output \`${wanted}\` by layer`, `it has ${known}`);
  throw new UsageError(`${model} has several outputs by layer`, `add \`--output\`: ${known}`);
}

async function scoresOf(
  session: Session,
  { name, layers }: Score,
  inputs: Inputs,
): Promise<readonly number[]> {
  const outputs: Outputs = await session.forward(inputs);
  const scores: number[] = [];
  for (const layer of layers) {
    const full = `${name}[${layer}]`;
    const tensor = await outputs.get(full)?.read();
    const [score, more] = tensor?.data ?? [];
    if (score === undefined || more !== undefined) {
      const message = `\`${full}\` is ${tensor?.data.length ?? 0} numbers, not one`;
      throw new BraidError("rank/number", message, {
        hint: "reduce it, for example `mean(… over T)`",
      });
    }
    if (!Number.isFinite(score))
      throw new BraidError("rank/number", `\`${full}\` is ${score} for this calibration data`, {
        hint: "a logarithm of 0 or a division by 0 went into it",
      });
    scores.push(score);
  }
  return scores;
}

/** The tensors of a safetensors file that the model takes, by the names of its inputs. */
async function readInputs(path: string, plan: Plan): Promise<Inputs> {
  const reader = await fileReader(path);
  if (reader === undefined)
    throw new UsageError(`there is no file ${shown(path)}`, "give a safetensors file of inputs");
  const { tensors } = await openSafetensors(reader);
  const inputs = plan.inputs.map(async ({ name, element }) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      const hint = `the model's inputs are ${plan.inputs.map((each) => `\`${each.name}\``).join(", ")}`;
      throw new BraidError("input/missing", `${shown(path)} has no tensor \`${name}\``, { hint });
    }
    const { shape } = tensor;
    const read =
      element === "f32"
        ? floats(await readFloats(tensor), shape)
        : integers(await readIntegers(tensor), shape);
    return [name, read] as const;
  });
  return Object.fromEntries(await Promise.all(inputs));
}

function atLeastOne(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("give a whole number from 1 on");
  return value;
}
