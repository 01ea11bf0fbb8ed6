/** What was found for kernel shapes, as a table for people and as entries for the file. */

import type { Variation } from "../../kernel/schedule/space.ts";
import type { TunedKernel } from "../../plan/schedule-file.ts";
import { textTable } from "../../report/text-table.ts";
import type { Candidate } from "./candidates.ts";
import type { KernelShape } from "./shapes.ts";
import type { Agreement } from "./trial.ts";

/** What was found for one shape. */
export interface Outcome {
  readonly shape: KernelShape;
  readonly candidates: readonly Candidate[];
  /** Undefined where there was no time. */
  readonly result:
    | {
        /** By candidate. */
        readonly agreements: readonly Agreement[];
        /** The candidate to take; 0 is the default. */
        readonly best: number;
        readonly usualMs: number;
        readonly bestMs: number;
      }
    | undefined;
}

/** The schedules that are faster than the default. */
export function tunedKernels(outcomes: readonly Outcome[]): readonly TunedKernel[] {
  return outcomes.flatMap(({ shape, candidates, result }) => {
    const variation = candidates[result?.best ?? 0]?.variation;
    if (result === undefined || variation === undefined) return [];
    const sameBits = result.agreements[result.best] === "same bits";
    const { name, suffix } = shape;
    const kernel = suffix !== "" && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
    const times = { defaultMs: rounded(result.usualMs), bestMs: rounded(result.bestMs) };
    const key = { kernel, shape: shape.shape, variant: suffix };
    return [{ ...key, schedule: variation, sameBits, ...times }];
  });
}

/** The table, and what all calls of a question and a token take together. */
export function outcomesText(outcomes: readonly Outcome[]): string {
  const head = ["kernel", "calls", "tried", "default ms", "best ms", "gain", "schedule"];
  const lines = textTable(
    [head, ...outcomes.map(rowOf)],
    ["left", "right", "right", "right", "right", "right", "left"],
  );
  const timed = outcomes.flatMap(({ shape, result }) =>
    result === undefined ? [] : [{ calls: shape.calls, ...result }],
  );
  const total = (of: (each: (typeof timed)[number]) => number): number =>
    timed.reduce((sum, each) => sum + each.calls * of(each), 0);
  const [before, after] = [total((each) => each.usualMs), total((each) => each.bestMs)];
  const sum = `All calls of one question and one token: ${shown(before)} ms by default, ${shown(after)} ms so.`;
  const wrong = outcomes.reduce((count, each) => count + countOf(each, "wrong"), 0);
  const unchecked = outcomes.reduce((count, each) => count + countOf(each, "unchecked"), 0);
  return `${[
    ...lines,
    "",
    sum,
    ...(unchecked > 0
      ? [`${unchecked} schedules that add up in another order were not timed: too large to check.`]
      : []),
    ...(wrong > 0 ? [`${wrong} schedules gave other results and were not timed.`] : []),
  ].join("\n")}\n`;
}

function rowOf(outcome: Outcome): readonly string[] {
  const { shape, candidates, result } = outcome;
  const tried = candidates.length - countOf(outcome, "wrong") - countOf(outcome, "unchecked");
  if (result === undefined) return [shape.name, `${shape.calls}`, "0", "–", "–", "–", "no time"];
  const { best, usualMs, bestMs, agreements } = result;
  const variation = candidates[best]?.variation;
  const order = agreements[best] === "another order" ? ", adds up in another order" : "";
  return [
    shape.name,
    `${shape.calls}`,
    `${tried}`,
    shown(usualMs),
    shown(bestMs),
    variation === undefined ? "" : `${Math.round(100 * (1 - bestMs / usualMs))} %`,
    variation === undefined ? "default" : `${showVariation(variation)}${order}`,
  ];
}

function countOf({ result }: Outcome, agreement: Agreement): number {
  return result?.agreements.filter((each) => each === agreement).length ?? 0;
}

function showVariation(variation: Variation): string {
  return Object.entries(variation)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

function shown(milliseconds: number): string {
  return milliseconds < 10 ? milliseconds.toFixed(3) : milliseconds.toFixed(1);
}

function rounded(milliseconds: number): number {
  return Number(milliseconds.toPrecision(4));
}
