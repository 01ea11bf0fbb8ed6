/** The part of a mask that decides is as true as the mask, and alone makes it so for all pairs. */

import { expect, test } from "vitest";
import { evaluatePredicate, type RowFacts } from "../../../compiler/mask/index.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import { showPredicate } from "../../../compiler/op/show-predicate.ts";
import { decisivePart } from "../../../compiler/report/mask-why.ts";
import { seeds } from "../../support/random.ts";
import { and, causal, composite, is, k, not, or, q, within } from "../mask/build.ts";
import { random, randomPredicate } from "../mask/random.ts";

/** Two segments that follow each other; data that has few values. */
function facts(query: number, key: number): RowFacts {
  const at = (side: string): number => (side === "k" ? key : query);
  return {
    position: at,
    data: (index, side) => (side === "none" ? index : (at(side) * 7 + index) % 3),
    lookup: () => 0,
    inSegment: (side, segment) => (at(side) < 4 ? "visual" : "text") === segment,
    given: () => true,
  };
}

const rows = Array.from({ length: 8 }, (_, row) => row);
const pairs = rows.flatMap((row) => rows.map((key) => [row, key] as const));

test.each(seeds(200))("seed %i", (seed) => {
  const mask = randomPredicate(random(seed), 3);
  const asked = pairs[seed % pairs.length] ?? [0, 0];
  const value = evaluatePredicate(mask, facts(...asked));
  const part = decisivePart(mask, facts(...asked));
  expect(evaluatePredicate(part, facts(...asked))).toBe(value);
  for (const pair of pairs) {
    // Where the part has the value that it has here, the whole has it, too.
    if (evaluatePredicate(part, facts(...pair)) !== value) continue;
    expect(evaluatePredicate(mask, facts(...pair))).toBe(value);
  }
});

const cases: readonly (readonly [string, Predicate, readonly [number, number], string])[] = [
  ["what suffices", composite, [6, 2], "q in text and k <= q"],
  ["what misses in every branch", composite, [2, 3], "q in text or k == q"],
  ["the shorter of two ways", or(and(causal, within("q", "text")), is(k, "<", q)), [6, 2], "k < q"],
  ["the first of equal ways", or(within("k", "visual"), causal), [6, 2], "k in visual"],
  ["inside a negation", not(or(is(q, "<", k), within("q", "visual"))), [2, 1], "not (q in visual)"],
];

test.each(cases)("%s", (_, mask, pair, text) => {
  expect(showPredicate(decisivePart(mask, facts(...pair)))).toBe(text);
});
