/** `braid tune`: times the schedules that kernels may have on a device, and writes the fastest down. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { Backend } from "../../runtime/backend.ts";
import { backendNames, type ChosenBackend, chooseBackend } from "../../runtime/choose.ts";
import { nodeCuda, nodeGpu, quietGpu } from "../../runtime/node/index.ts";
import type { Quantization } from "../../runtime/contract.ts";
import { type CheckedModel, compileFor, prepare } from "../compile.ts";
import type { Target } from "../kernel/target.ts";
import { kernelTable, planKernel } from "../plan/plan.ts";
import { targetName, writeSchedules } from "../plan/schedule-file.ts";
import type { Lengths } from "../report/lengths.ts";
import { lengthsOf } from "./lengths.ts";
import { loadModel, type ModelOptions, withModelOptions, withPages } from "./model-options.ts";
import { codeOf } from "./open-model.ts";
import { OutputFile } from "./output-file.ts";
import { type PrecisionOption, stored, withPrecision } from "./precision.ts";
import { type MathOption, targetOf, withMath } from "./target.ts";
import { clear, duration, progress, say } from "./terminal.ts";
import { candidatesOf } from "./tuning/candidates.ts";
import { outcomesText, tunedKernels } from "./tuning/outcome.ts";
import { kernelShapes } from "./tuning/shapes.ts";
import { type Tuning, tuneShapes } from "./tuning/tune-shapes.ts";
import { UsageError } from "./usage-error.ts";
import { weightsType } from "./weights-type.ts";

interface TuneOptions extends ModelOptions, PrecisionOption, MathOption {
  readonly backend: string;
  readonly threads?: number;
  readonly weightsType?: Quantization;
  readonly out: string;
  readonly length?: string;
  readonly kernels?: string;
  readonly budget: number;
  readonly force?: boolean;
}

/** Adds the verb. */
export function addTune(program: Command): void {
  withPrecision(withPages(withMath(withModelOptions(program.command("tune")))))
    .description("time other schedules of a model's kernels on this machine, and keep the fastest")
    .argument("<file>", "the .braid file")
    .addOption(
      new Option("--backend <name>", "the device").choices([...backendNames]).default("cpu"),
    )
    .option("--threads <count>", "threads of the CPU; as many as it has if absent", positive)
    .option(
      "--weights-type <type>",
      "weights of products as int8 or int4[:group][:asymmetric]",
      weightsType,
    )
    .option("--out <file>", "where to write", "schedules.json")
    .option("--length <name=count,…>", "how many images and tokens, e.g. `image=4,text=64`")
    .option("--kernels <word>", "only kernels with this in their name")
    .option(
      "--budget <seconds>",
      "how long to measure; what computes most comes first",
      positive,
      60,
    )
    .option("--force", "overwrite what is there")
    .addHelpText(
      "after",
      `
Each kernel is timed on random numbers, for the first question and for one token; no weights are
needed. A schedule is only timed if its results are those of the default: bit for bit, or, where it
adds up in another order, within the error that this may make. \`braid build\`, \`run\`, \`chat\` and
\`report\` read the file with --schedules. Without a file, schedules follow from shapes and target alone.

Examples:
  braid tune examples/ee-mllm/ee-mllm.braid --out schedules.json
  braid tune examples/ee-mllm/ee-mllm.braid --backend webgpu --kernels q --budget 20
  braid run examples/ee-mllm/ee-mllm.braid --schedules schedules.json --backend cpu --prompt "…"`,
    )
    .action(tune);
}

async function tune(file: string, options: TuneOptions): Promise<void> {
  const out = new OutputFile(options.out, { force: options.force === true });
  const model = loadModel(file, options);
  if (model === undefined) return;
  const lengths = lengthsOf(model.graph, options.length);
  const gpu = options.backend === "auto" ? quietGpu : nodeGpu;
  const chosen = await chooseBackend(options.backend, gpu, options, nodeCuda);
  say(chosen.reason);
  const { weightsType: weights } = options;
  if (weights !== undefined && chosen.target !== "cpu") {
    const message = `weights of ${weights.bits} bits are for the CPU, not for ${chosen.kind}`;
    throw new UsageError(message, "add `--backend cpu`, or leave `--weights-type` out");
  }
  const target = {
    ...stored(targetOf(chosen, options), options),
    ...(weights === undefined ? {} : { weights }),
  };
  const backend = await chosen.open();
  try {
    const tuning = await tuningOf(model, target, lengths, { backend, chosen }, options);
    const { description: device } = backend;
    report(tuning, options, { target: targetName(target), device }, out);
  } finally {
    clear();
    backend.close();
  }
}

async function tuningOf(
  model: CheckedModel,
  target: Target,
  lengths: Lengths,
  { backend, chosen }: { readonly backend: Backend; readonly chosen: ChosenBackend },
  { kernels, budget }: TuneOptions,
): Promise<Tuning> {
  const prepared = prepare(model);
  const { plan } = compileFor(model, target, prepared);
  const table = kernelTable(model.graph, prepared, target);
  const all = kernelShapes(model, prepared, table, lengths);
  const shapes = all.filter(({ name }) => kernels === undefined || name.includes(kernels));
  if (shapes.length === 0) {
    const names = all.map(({ name }) => name).join(", ");
    throw new UsageError(`no kernel has \`${kernels ?? ""}\` in its name`, `there are: ${names}`);
  }
  const candidates = shapes.map((shape, index) => {
    progress("making kernels", index, shapes.length);
    return { shape, candidates: candidatesOf(shape, table, index) };
  });
  const open = candidates.filter((each) => each.candidates.length > 1);
  const made = open.flatMap((each) => each.candidates.map(({ lowered }) => lowered.kernel));
  const called = { ...plan, kernels: made.map((kernel) => planKernel(kernel, target)) };
  return tuneShapes({
    shapes: open,
    graph: model.graph,
    device: { backend, plan, clock: () => performance.now() },
    code: { plan: called, ...codeOf({ target, kernels: made }, chosen) },
    budget: budget * 1000,
    progress: (done) => progress("timing kernels", done, open.length),
  });
}

function report(
  tuning: Tuning,
  options: TuneOptions,
  on: { readonly target: string; readonly device: string },
  out: OutputFile,
): void {
  const schedules = tunedKernels(tuning.outcomes);
  const text = writeSchedules({ ...on, schedules });
  out.write(text);
  if (options.json === true) process.stdout.write(text);
  else process.stdout.write(outcomesText(tuning.outcomes));
  const count = schedules.length;
  const kernels = `${count} ${count === 1 ? "kernel gets" : "kernels get"} another schedule`;
  say(`${kernels}, in ${out.path} (${duration(tuning.milliseconds)})`);
  if (tuning.left > 0) {
    const more = `${tuning.left} of ${tuning.outcomes.length} kernels had no time`;
    say(`${more}: \`--budget ${Math.ceil(options.budget * 2)}\` gives them more`);
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("give a number above 0");
}
