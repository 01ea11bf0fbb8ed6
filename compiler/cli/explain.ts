/** `braid explain`: what the masks of a model imply, and what it costs. */

import { type Command, Option } from "commander";
import type { PlanPhase } from "../../runtime/contract.ts";
import { tensorBytes } from "../../runtime/backend.ts";
import { place } from "../../runtime/place.ts";
import { evaluateSize } from "../../runtime/size.ts";
import { checkModel, compileFor } from "../compile.ts";
import type { Family } from "../kernel/lower/schedule.ts";
import { Explainer, type LengthsReport, type PlanReader } from "../report/explain.ts";
import { lengthsText, modelText } from "../report/explain-text.ts";
import { type Lengths, readLengths } from "../report/lengths.ts";
import { exitCode } from "./exit-code.ts";
import { compileOptions, type ModelOptions, report, withModelOptions } from "./model-options.ts";
import { readSource } from "./sources.ts";
import { UsageError } from "./usage-error.ts";

interface ExplainOptions extends ModelOptions {
  readonly length: readonly string[];
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
      (text: string, before: readonly string[]) => [...before, text],
      [],
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
  const { value: model, diagnostics } = checkModel(readSource(file), compileOptions(options));
  if (model === undefined || !json) report(diagnostics, json);
  if (model === undefined) {
    process.exitCode = exitCode.mistakes;
    return;
  }
  const asked = options.length.length === 0 ? [""] : options.length;
  const lengths = asked.map((text): Lengths => {
    const read = readLengths(model.graph, text, model.graph.generation === undefined ? 0 : 1);
    if (read.kind === "mistake") throw new UsageError(read.message, read.hint);
    return read.lengths;
  });
  const explainer = new Explainer(model, compileFor(model, options.target).plan, planReader);
  const whole = explainer.model();
  const reports = lengths.map((each) => explainer.at(each));
  const text = json
    ? `${JSON.stringify({ ...whole, lengths: reports.map(plain) }, null, 2)}\n`
    : [modelText(whole), ...reports.map((each) => lengthsText(each, whole))].join("\n");
  process.stdout.write(text);
}

/** A report as JSON has it: maps are objects. */
function plain(each: LengthsReport): unknown {
  return JSON.parse(
    JSON.stringify(each, (_, value: unknown) =>
      value instanceof Map ? Object.fromEntries(value) : value,
    ),
  );
}

const planReader: PlanReader = {
  measure: (values) => (size) => evaluateSize(size, values),
  arena: ({ buffers }: PlanPhase, measure) =>
    place(
      buffers.map(({ name, size, first, last }) => ({
        name,
        bytes: tensorBytes(measure(size)),
        first,
        last,
      })),
    ).arenaBytes,
};
