/** `braid run`: one question about images, or about none. */

import { type Command, InvalidArgumentError, Option } from "commander";
import type { Assistant, AskOptions } from "../../runtime/assistant.ts";
import { backendNames } from "../../runtime/choose.ts";
import { readImages } from "./images.ts";
import { loadModel, type ModelOptions, withModelOptions, withPages } from "./model-options.ts";
import { openAssistant, type RunOptions } from "./open-model.ts";
import { withPrecision } from "./precision.ts";
import { withSchedules } from "./schedules.ts";
import { withMath } from "./target.ts";
import { duration, say } from "./terminal.ts";
import { traceFile } from "./trace-file.ts";
import { weightsType } from "./weights-type.ts";

/** What `run` and `chat` take besides the model. */
export interface AnswerOptions extends ModelOptions, RunOptions {
  readonly image?: readonly string[];
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly seed: number;
  readonly stop?: readonly string[];
}

/** Adds the options of verbs that answer questions. */
export function withAnswerOptions(command: Command): Command {
  const append = (value: string, before: readonly string[] = []): readonly string[] => [
    ...before,
    value,
  ];
  return withSchedules(withPrecision(withPages(withMath(withModelOptions(command)))))
    .option("--weights <folder>", "the checkpoint folder; `weights` beside the spec if absent")
    .option("--image <file>", "a PNG or JPEG (repeatable)", append)
    .addOption(
      new Option("--backend <name>", "the device").choices([...backendNames]).default("auto"),
    )
    .option("--threads <count>", "threads of the CPU; as many as it has if absent", atLeastOne)
    .addOption(
      new Option(
        "--multiply-add <how>",
        "on the CPU: `fused` in one instruction, where that exists, if absent; `separate` gives the same bits everywhere",
      ).choices(["fused", "separate"]),
    )
    .option(
      "--weights-type <type>",
      "store weights of products as int8 or int4[:group][:asymmetric]",
      weightsType,
    )
    .option("--max-tokens <count>", "the longest answer", atLeastOne, 256)
    .option("--temperature <number>", "0 always takes the likeliest token", decimal, 0)
    .option("--top-p <number>", "sample from the likeliest tokens that sum to this", share)
    .option("--seed <number>", "the same seed gives the same answer", wholeNumber, 0)
    .option("--stop <text>", "end the answer before this text (repeatable)", stopText)
    .option(
      "--trace <file>",
      "write each kernel call as a Chrome trace; kernels then run one at a time",
      traceFile,
    )
    .option("--strict", "fail if a tensor of the checkpoint is not read");
}

/** Adds the verb. */
export function addRun(program: Command): void {
  withAnswerOptions(program.command("run"))
    .description("answer one question")
    .argument("<file>", "the .braid file")
    .requiredOption("--prompt <text>", "the question")
    .addHelpText(
      "after",
      '\nExample:\n  braid run examples/ee-mllm/ee-mllm.braid --image examples/ee-mllm/images/0.png --prompt "how many objects are there?"',
    )
    .action(async (file: string, options: AnswerOptions & { readonly prompt: string }) => {
      const started = performance.now();
      const model = loadModel(file, options);
      if (model === undefined) return;
      const images = await readImages(options.image);
      const assistant = await openAssistant(model, file, options);
      try {
        if (images.length > 0) await assistant.show(images);
        const ready = performance.now();
        const answer = await printAnswer(assistant, options.prompt, options);
        options.trace?.write();
        say(`ready in ${duration(ready - started)}; ${answer}`);
      } finally {
        assistant.session.backend.close();
      }
    });
}

/** Prints the answer as it comes, or with `--json` in one line, and gives how long phases took. */
export async function printAnswer(
  assistant: Assistant,
  question: string,
  options: AnswerOptions,
): Promise<string> {
  const { session } = assistant;
  session.clearTimings();
  const quiet = options.json === true;
  let text = "";
  let tokens = 0;
  for await (const event of assistant.ask(question, askOptions(options))) {
    if (event.kind === "token") tokens++;
    // The space between the question and the answer belongs to neither.
    const shown = text === "" ? event.text.trimStart() : event.text;
    text += shown;
    if (!quiet) process.stdout.write(shown);
  }
  if (!quiet && text === "") say("(an empty answer: the model ended it at once)");
  const { timings } = session;
  process.stdout.write(quiet ? `${JSON.stringify({ answer: text, timings })}\n` : "\n");
  return timingLine(timings, tokens);
}

function askOptions(options: AnswerOptions): AskOptions {
  return {
    maxTokens: options.maxTokens,
    temperature: options.temperature,
    seed: options.seed,
    stopStrings: options.stop ?? [],
    ...(options.topP === undefined ? {} : { topP: options.topP }),
  };
}

/** `image 41 ms, place 1 ms, prompt 12 ms, 4 tokens 9 ms`; phases that were there already say so. */
function timingLine(
  timings: readonly { readonly phase: string; readonly ran: boolean; readonly ms: number }[],
  tokens: number,
): string {
  const parts: string[] = [];
  const steps = timings.filter(({ phase }) => phase === "extend" || phase === "prompt");
  for (const { phase, ran, ms } of timings) {
    if (phase === "extend" || phase === "prompt") continue;
    parts.push(ran ? `${phase} ${duration(ms)}` : `${phase} reused`);
  }
  const [first, ...rest] = steps;
  if (first !== undefined) parts.push(`prompt ${duration(first.ms)}`);
  const decoding = rest.reduce((sum, { ms }) => sum + ms, 0);
  parts.push(`${tokens} ${tokens === 1 ? "token" : "tokens"} ${duration(decoding)}`);
  return parts.join(", ");
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError("give a whole number");
  return value;
}

function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("give a number from 1 on");
  return value;
}

function decimal(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("give a number from 0 on");
  return value;
}

/** A probability that is not 0. */
function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError("give a number above 0 and up to 1");
  return value;
}

function stopText(text: string, before: readonly string[] = []): readonly string[] {
  if (text === "") throw new InvalidArgumentError("every answer begins with it; give some text");
  return [...before, text];
}
