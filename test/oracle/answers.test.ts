/**
 * The models as they are used, in phases with caches, agree with the oracles: logits of whole prompts,
 * six greedy tokens one by one, and the logits after them.
 */

import { expect, test } from "vitest";
import { type CheckedModel, compileFor } from "../../compiler/compile.ts";
import type { ErrorOptions } from "../../compiler/graph/estimate-error.ts";
import type { NamedTensor, Tensor } from "../../compiler/graph/tensor.ts";
import { Conversation } from "../../runtime/generate.ts";
import type { Inputs } from "../../runtime/inputs.ts";
import { greedy } from "../../runtime/sample.ts";
import type { Session } from "../../runtime/session.ts";
import { testedBackends } from "../support/backends.ts";
import { graphTolerance, isTie, unitRoundoff, worstOf } from "../support/tolerance.ts";
import { readCase, readCheckpoint } from "./checkpoint.ts";
import { environmentOf, type Prompt, tinyModel } from "./model.ts";
import { lastPrompt, onePrompts, readings, rowsAt, twoPrompt } from "./prompts.ts";
import { forward, inputsOf, openPlanned } from "./run.ts";

const llava = await readCase("llava");
const composite = await readCase("ee-mllm");
const checkpoint = await readCheckpoint("llava");
const { one, plain } = onePrompts(llava);
const two = twoPrompt(llava);
const last = lastPrompt(composite);

interface Case {
  readonly model: string;
  /** The logits of the text rows of prompts. */
  readonly logits: readonly { readonly prompt: Prompt; readonly wanted: Tensor }[];
  /** The greedy tokens after prompt `one`, and the logits after them where the oracle has them. */
  readonly generated: Tensor;
  readonly after?: Tensor;
}

const cases: readonly Case[] = [
  {
    model: "Llava",
    logits: [
      { prompt: one, wanted: rowsAt(llava("output.logits"), one.textAt) },
      { prompt: two, wanted: rowsAt(llava("output.two.logits"), two.textAt) },
      { prompt: plain, wanted: llava("output.plain.logits") },
    ],
    generated: llava("output.generated"),
  },
  ...Object.entries(readings).map(
    ([name, model]): Case => ({
      model,
      logits: [
        { prompt: one, wanted: composite(`output.${name}.logits`) },
        { prompt: two, wanted: composite(`output.${name}.two.logits`) },
        { prompt: last, wanted: composite("output.last.logits") },
        { prompt: plain, wanted: llava("output.plain.logits") },
      ],
      generated: composite(`output.${name}.generated`),
      after: composite(`output.${name}.after.logits`),
    }),
  ),
];

const environment = (model: CheckedModel, prompt: Prompt) =>
  environmentOf(model.graph, checkpoint, prompt, llava("input.pixels"));

/** The prompt with text behind it. */
function longer(prompt: Prompt, tokens: readonly number[]): Prompt {
  const next = Math.max(...prompt.textAt, ...prompt.visualAt) + 1;
  return {
    ...prompt,
    tokens: [...prompt.tokens, ...tokens],
    textAt: [...prompt.textAt, ...tokens.map((_, i) => next + i)],
  };
}

function tolerance(model: CheckedModel, prompt: Prompt, errors: ErrorOptions): Float64Array {
  const found = graphTolerance(model.graph, environment(model, prompt), errors).get("logits");
  if (found === undefined) throw new RangeError("the model gives no logits");
  return found.tolerance;
}

/** Expects logits to be the oracle's, whose numbers are rounded to float32. */
function expectLogits(
  found: ArrayLike<number>,
  { data }: Tensor,
  allowed: Float64Array,
  what: string,
): void {
  expect(found.length, what).toBe(data.length);
  const bounds = allowed.map((each, i) => each + unitRoundoff.f32 * Math.abs(data[i] ?? 0));
  expect(worstOf(found, data, bounds), what).toBeUndefined();
}

const known = new Map<string, readonly Float64Array[]>();

/** For each prompt of the case, then for prompt `one` with the generated tokens. */
function tolerancesOf(
  each: Case,
  model: CheckedModel,
  errors: ErrorOptions,
): readonly Float64Array[] {
  const prompts = each.logits.map(({ prompt }) => prompt);
  const whole = longer(one, Array.from(each.generated.data));
  const key = `${each.model} ${JSON.stringify(errors)}`;
  const found =
    known.get(key) ?? [...prompts, whole].map((prompt) => tolerance(model, prompt, errors));
  known.set(key, found);
  return found;
}

for (const backend of await testedBackends()) {
  for (const [index, each] of cases.entries()) {
    if (!backend.takes(index)) continue;
    test.skipIf(backend.missing !== undefined)(`${backend.name}: ${each.model}`, async () => {
      const model = tinyModel(each.model);
      const target = compileFor(model, backend.target);
      const session = await openPlanned(backend, model.graph, target, checkpoint);
      const allowed = tolerancesOf(each, model, backend.errors);
      try {
        for (const [index, { prompt, wanted }] of each.logits.entries()) {
          const outputs = await forward(session, model.graph, environment(model, prompt));
          const found: NamedTensor | undefined = outputs.get("logits");
          const bounds = allowed[index] ?? new Float64Array();
          expectLogits(found?.data ?? [], wanted, bounds, `prompt ${index}`);
        }
        const last = allowed.at(-1) ?? new Float64Array();
        await expectAnswer(session, model, each, last, backend.errors);
      } finally {
        session.close();
      }
    });
  }
}

async function expectAnswer(
  session: Session,
  model: CheckedModel,
  { generated, after }: Case,
  allowed: Float64Array,
  { factorUnit }: ErrorOptions,
): Promise<void> {
  const width = allowed.length / (one.tokens.length + generated.data.length);
  const isClose = (gap: number, step: number): boolean => {
    const row = allowed.subarray((one.tokens.length - 1 + step) * width).subarray(0, width);
    return isTie(gap, Math.max(...row));
  };
  const steps: Float32Array[] = [];
  const tokens: number[] = [];
  session.reset();
  const inputs = { ...inputsOf(session, environment(model, one)) };
  for (const grown of ["prompt", "position.text"]) delete inputs[grown];
  for await (const event of new Conversation(session).answer({
    inputs,
    tokens: one.tokens,
    positions: one.textAt,
    choose: (logits) => {
      const wanted = generated.data[steps.length];
      const gap = Math.max(...logits) - (logits[wanted ?? -1] ?? Number.NEGATIVE_INFINITY);
      // With factors rounded to less than f32 there may be ties, and the oracle's choice is forced.
      const isForced = factorUnit !== undefined && isClose(gap, steps.length);
      steps.push(Float32Array.from(logits));
      return isForced && wanted !== undefined ? wanted : greedy(logits);
    },
    endTokens: new Set(),
    maxTokens: generated.data.length + 1,
  })) {
    if (event.kind === "token") tokens.push(event.id);
  }
  // A choice between logits that are closer than their errors would prove nothing.
  for (const [step, logits] of steps.slice(0, -1).entries()) {
    if (factorUnit !== undefined) break;
    const [best = 0, second = 0] = [...logits].sort((a, b) => b - a);
    expect(isClose(best - second, step), `token ${step} is a tie`).toBe(false);
  }
  expect(tokens.slice(0, -1)).toEqual(Array.from(generated.data));
  if (factorUnit === undefined)
    expect(await chosenByDevice(session, inputs, tokens)).toEqual(tokens);
  if (after === undefined) return;
  expectLogits(steps.at(-1) ?? [], after, allowed.slice(-width), "after the answer");
}

/** The answer again, as long as `tokens`, with nothing read back but its tokens. */
async function chosenByDevice(
  session: Session,
  inputs: Inputs,
  { length: maxTokens }: readonly number[],
): Promise<readonly number[]> {
  const found: number[] = [];
  const prompt = { inputs, tokens: one.tokens, positions: one.textAt };
  const limits = { endTokens: new Set<number>(), maxTokens };
  session.reset();
  const events = new Conversation(session).answer({ ...prompt, ...limits, choose: greedy });
  for await (const event of events) if (event.kind === "token") found.push(event.id);
  return found;
}
