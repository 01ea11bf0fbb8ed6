/** How far back rows see: the smallest width that there is for plain masks, and never too small. */

import { expect, test } from "vitest";
import { evaluatePredicate, reachOf, type RowFacts, show } from "../../../compiler/mask/index.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import { abs, and, causal, data, distance, is, k, not, or, q, term, window } from "./build.ts";
import { type Random, random, randomPredicate, randomSequence, type Row } from "./random.ts";

const facts = { shared: true, querySegment: "text", keySegment: "text" };
const cases: readonly (readonly [Predicate, number | undefined])[] = [
  [causal, undefined],
  [and(causal, window(128)), 128],
  [window(1), 1],
  [is(k, "==", q), 1],
  [and(causal, is(term(distance, "%", 3), "==", 0)), undefined],
  [and(causal, is(term(q, "/", 8), "==", term(k, "/", 8))), 8],
  [is(abs(distance), "<=", 5), 6],
  [or(and(causal, window(4)), is(k, "<", 2)), undefined],
  [or(and(causal, window(4)), and(window(9), is(data(0, "q"), "==", data(1, "k")))), 9],
  [and(causal, is(distance, "<", data(2, "none"))), undefined],
  [not(is(k, "<=", q)), 0],
  [and(causal, is(q, "<", 10)), 10],
];

test.each(cases.map(([mask, width]) => [show(mask), width, mask] as const))(
  "%s: %s",
  (_, width, mask) => {
    expect(reachOf(mask, facts)).toBe(width);
  },
);

test("no row of a random sequence sees further back than is said", () => {
  let bounded = 0;
  for (let seed = 0; seed < 1500; seed++) {
    const from = random(seed);
    const inner = randomPredicate(from, from.below(4));
    const mask = from.below(2) === 0 ? inner : and(inner, window(from.below(6)));
    const { rows, constant } = randomSequence(from, 14);
    const [query, key] = [anyOf(from, rows), anyOf(from, rows)];
    const reach = reachOf(mask, { shared: true, ...query.facts.query, ...key.facts.key });
    if (reach === undefined) continue;
    bounded++;
    for (const a of query.rows)
      for (const b of key.rows)
        if (a.position - b.position >= reach)
          expect(evaluatePredicate(mask, pairOf(a, b, constant)), `seed ${seed}`).toBe(false);
  }
  expect(bounded).toBeGreaterThan(500);
});

/** All rows, or those of one segment, with what is then known of them. */
function anyOf(from: Random, rows: readonly Row[]) {
  const segment = from.below(2) === 0 ? undefined : from.pick(["text", "visual"] as const);
  if (segment === undefined) return { rows, facts: { query: {}, key: {} } };
  return {
    rows: rows.filter((row) => row.segment === segment),
    facts: { query: { querySegment: segment }, key: { keySegment: segment } },
  };
}

function pairOf(query: Row, key: Row, constant: number): RowFacts {
  const row = (side: "q" | "k"): Row => (side === "q" ? query : key);
  return {
    position: (side) => row(side).position,
    data: (index, side) => (side === "none" ? constant : (row(side).data[index] ?? 0)),
    lookup: () => 0,
    inSegment: (side, segment) => row(side).segment === segment,
    given: (side) => row(side).given,
  };
}
