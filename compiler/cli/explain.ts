/** `braid explain`: what the masks of a model imply, and what it costs. */

import { type Command, Option } from "commander";
import type { PlanPhase, Size } from "../../runtime/contract.ts";
import { InvariantError } from "../../runtime/errors.ts";
import { tensorBytes } from "../../runtime/backend.ts";
import { place } from "../../runtime/place.ts";
import { evaluateSize, showSize, type SymbolValues } from "../../runtime/size.ts";
import { compileFor } from "../compile.ts";
import { type Family, targets } from "../kernel/target.ts";
import { Explainer, type LengthsReport, type PlanReader } from "../report/explain.ts";
import { type ExplainedMask, explainedMasks, explainedMasksData } from "../report/explain-masks.ts";
import { lengthsText, modelText } from "../report/explain-text.ts";
import { collectData } from "./mask.ts";
import { dataFor } from "./mask-target.ts";
import { lengthsOf } from "./lengths.ts";
import { loadModel, type ModelOptions, withModelOptions } from "./model-options.ts";
import { UsageError } from "./usage-error.ts";

interface ExplainOptions extends ModelOptions {
  readonly length?: readonly string[];
  readonly data: ReadonlyMap<string, string>;
  readonly target: Family;
}

/** Adds the verb. */
export function addExplain(program: Command): void {
  withModelOptions(program.command("explain"))
    .description("say what a model's masks imply, and what it computes and keeps")
    .argument("<file>", "the .braid file")
    .option(
      "--length <name=count,…>",
      "how many images and tokens, e.g. `image=4,text=64` (repeatable)",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option(
      "--data <name=values>",
      "integers that masks read, to draw them: `0,0,1,1`, `0x8,1x8`, `row/8` (repeatable)",
      collectData,
      new Map<string, string>(),
    )
    .addOption(
      new Option("--target <name>", "whose kernels count").choices(["gpu", "cpu"]).default("gpu"),
    )
    .addHelpText(
      "after",
      `
Without --length: one image and 64 tokens. One plan serves all lengths.

Examples:
  braid explain examples/ee-mllm/ee-mllm.braid
  braid explain examples/ee-mllm/ee-mllm-7b.braid --length image=1,text=64 --length image=4`,
    )
    .action(explain);
}

function explain(file: string, options: ExplainOptions): void {
  const json = options.json === true;
  const model = loadModel(file, options);
  if (model === undefined) return;
  const lengths = (options.length ?? [""]).map((text) => lengthsOf(model.graph, text));
  const explainer = new Explainer(
    model,
    compileFor(model, targets[options.target]).plan,
    planReader,
  );
  const whole = explainer.model();
  const reports = lengths.map((each) => ({
    report: explainer.at(each),
    masks: explainedMasks(model.graph, each, dataFor(model.graph, each, options.data)),
  }));
  const text = json
    ? `${JSON.stringify({ ...whole, lengths: reports.map(plain) }, null, 2)}\n`
    : [
        modelText(whole),
        ...reports.map(({ report, masks }) => lengthsText(report, whole, masks)),
      ].join("\n");
  process.stdout.write(text);
}

interface LengthsWithMasks {
  readonly report: LengthsReport;
  readonly masks: readonly ExplainedMask[];
}

/** A report as JSON has it: maps are objects. */
function plain({ report, masks }: LengthsWithMasks): unknown {
  return JSON.parse(
    JSON.stringify({ ...report, masks: explainedMasksData(masks) }, (_, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    ),
  );
}

/** A size of the plan. Its symbols all have values, so that only too great a number can fail. */
export function measured(size: Size, values: SymbolValues): number {
  try {
    return evaluateSize(size, values);
  } catch (error) {
    if (!(error instanceof InvariantError)) throw error;
    const message = `these lengths are too great to count with: ${showSize(size)} passes 2^53`;
    throw new UsageError(message, "give smaller ones with `--length`");
  }
}

/** How the runtime measures and places what a plan asks for. */
export const planReader: PlanReader = {
  measure: (values) => (size) => measured(size, values),
  arena: ({ buffers }: PlanPhase, measure) =>
    place(
      buffers.map(({ name, element, size, first, last }) => ({
        name,
        bytes: tensorBytes(measure(size), element),
        first,
        last,
      })),
    ).arenaBytes,
};
