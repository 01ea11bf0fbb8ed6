/** What masks simplify to, amount to and are called; how bounds and tile classes are emitted. */

import { expect, test } from "vitest";
import {
  classify,
  explainVerdict,
  type Facts,
  keyIntervals,
  keyLoops,
  nothingKnown,
  numbers,
  rowVerdict,
  show,
  simplify,
  type Verdict,
  verdictOf,
} from "../../../compiler/mask/index.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import {
  abs,
  and,
  causal,
  composite,
  data,
  distance,
  given,
  is,
  k,
  not,
  or,
  q,
  term,
  window,
  within,
} from "./build.ts";
import { textAlgebra, textRanges } from "./symbolic.ts";

const sameDocument = is(data(0, "q"), "==", data(1, "k"));

const simplified: readonly (readonly [Predicate, string])[] = [
  [composite, "q in text and k <= q or q in visual and k == q"],
  [window(128), "k <= q and q - k < 128"],
  [not(window(128)), "q < k or 128 <= q - k"],
  [not(not(causal)), "k <= q"],
  [and(causal, is(q, "<=", k)), "k == q"],
  [or(is(q, "<", k), is(k, "<", q)), "k != q"],
  [or(causal, is(q, "<", k)), "all"],
  [and(causal, is(q, "<", k)), "none"],
  [or(causal, and(is(k, "==", q), is(k, "<", 7))), "k <= q"],
  [and(causal, or(is(k, "<", 5), is(q, "<", k))), "k < 5 and k <= q"],
  [and(causal, is(q, "<", 5), is(k, "!=", -1)), "q < 5 and k <= q"],
  [and(causal, is(q, "<", 5), is(5, "<=", k)), "none"],
  [and(is(k, "<", 3), is(10, "<=", q), causal), "k < 3 and 10 <= q"],
  [is(term(term(k, "-", q), "%", 3), "==", 1), "(q - k) % 3 == 2"],
  [is(term(q, "%", 4), "==", term(k, "%", 4)), "(q - k) % 4 == 0"],
  [is(term(q, "%", 4), "<", 9), "all"],
  [is(term(q, "/", 4), "==", 2), "8 <= q and q < 12"],
  [is(term(q, "/", 4), "==", term(k, "/", 4)), "q / 4 == k / 4"],
  [is(term(term(2, "*", q), "+", 1), "==", term(2, "*", k)), "none"],
  [is(abs(distance), "<=", 2), "-2 <= q - k and q - k < 3"],
  [is(k, "<=", term(q, "max", 5)), "k < 6 or k <= q"],
  [is(data(0, "q"), "==", data(1, "k")), "data0[q] == data1[k]"],
  [and(within("q", "text"), within("q", "visual")), "none"],
  [and(within("q", "text"), or(within("q", "visual"), causal)), "q in text and k <= q"],
  [not(and(given("k"), causal)), "not (k in given) or q < k"],
  [is(term(q, "/", 0), "==", 0), "all"],
  [and(causal, or(causal, sameDocument)), "k <= q"],
  [or(causal, and(causal, sameDocument)), "k <= q"],
  [and(sameDocument, not(sameDocument)), "none"],
  [or(sameDocument, not(sameDocument)), "all"],
  [not(or(causal, not(sameDocument))), "data0[q] == data1[k] and q < k"],
  [and(window(8), window(3)), "k <= q and q - k < 3"],
  [or(window(8), window(3)), "k <= q and q - k < 8"],
  [or(and(within("q", "text"), causal), and(not(within("q", "text")), causal)), "k <= q"],
  [or(and(sameDocument, causal), and(not(sameDocument), causal)), "k <= q"],
  [and(or(sameDocument, causal), or(sameDocument, is(q, "<", k))), "data0[q] == data1[k]"],
  [
    and(or(within("q", "text"), is(k, "<", 4)), not(within("q", "text"))),
    "not (q in text) and k < 4",
  ],
  [and(), "all"],
  [or(), "none"],
];

for (const [mask, text] of simplified)
  test(`${show(mask)} simplifies to ${text}`, () => {
    expect(show(simplify(mask, nothingKnown))).toBe(text);
  });

const between = (querySegment: string, keySegment: string, more: Partial<Facts> = {}): Facts => {
  return { shared: true, querySegment, keySegment, ...more };
};

const verdicts: readonly (readonly [Predicate, Facts, string])[] = [
  [composite, between("text", "text"), "sees those up to its own position"],
  [composite, between("text", "visual"), "sees those up to its own position"],
  [composite, between("visual", "text"), "sees none of them"],
  [composite, between("visual", "visual"), "sees only itself"],
  [composite, { shared: true }, "sees some of them"],
  [causal, between("text", "visual", { queryGiven: false, keyGiven: true }), "sees all of them"],
  [causal, between("text", "text", { queryGiven: false, keyGiven: true }), "sees all of them"],
  [causal, between("text", "text", { queryGiven: true, keyGiven: false }), "sees none of them"],
  [causal, between("visual", "text", { keyGiven: false }), "sees none of them"],
  [is(k, "<", q), between("text", "visual"), "sees those up to its own position"],
  [is(k, "<", q), between("text", "text"), "sees some of them"],
  [is(k, "==", q), between("text", "visual"), "sees none of them"],
  // Of two different sequences, equal positions do not make the same row.
  [is(k, "==", q), { shared: false }, "sees those at the last 1 positions, its own included"],
  [window(4), between("text", "text"), "sees those at the last 4 positions, its own included"],
  [and(), nothingKnown, "sees all of them"],
];

for (const [mask, facts, words] of verdicts)
  test(`with ${show(mask)} and ${JSON.stringify(facts)} a row ${words}`, () => {
    expect(explainVerdict(verdictOf(mask, facts))).toBe(words);
  });

test("a row's verdict is that of all parts together", () => {
  const [none, all, diagonal]: readonly Verdict[] = [
    { kind: "none" },
    { kind: "all" },
    { kind: "diagonal" },
  ] as const;
  const row = (...parts: readonly (readonly [Verdict | undefined, boolean])[]): unknown =>
    rowVerdict(parts.map(([verdict, own]) => ({ verdict: verdict ?? { kind: "general" }, own })));
  expect(row()).toEqual({ kind: "zeros" });
  expect(row([none, true], [none, false])).toEqual({ kind: "zeros" });
  expect(row([none, false], [diagonal, true])).toEqual({ kind: "identity", part: 1 });
  expect(row([diagonal, false])).toEqual({ kind: "attend", live: [0] });
  expect(row([diagonal, true], [all, false])).toEqual({ kind: "attend", live: [0, 1] });
  expect(row([all, true], [none, false])).toEqual({ kind: "attend", live: [0] });
});

const chunked = and(causal, is(term(q, "/", 64), "==", term(k, "/", 64)));
const chunkStart = and(causal, is(term(term(q, "/", 64), "*", 64), "<=", k));

const emitted: readonly (readonly [Predicate, string, string, string])[] = [
  [causal, "k0 <= q1", "k1 <= q0", "… q1"],
  [window(128), "k0 <= q1 && q0 - k1 <= 127", "k1 <= q0 && q1 - k0 < 128", "q0 - 127 … q1"],
  [not(is(k, "==", q)), "q0 < k1 || k0 < q1", "q1 < k0 || k1 < q0", "q0 + 1 … ∪ … q1 - 1"],
  [or(causal, is(k, "<", 10)), "k0 <= 9 || k0 <= q1", "k1 < 10 || k1 <= q0", "… 9 ∪ … q1"],
  [
    chunkStart,
    "64 * (q0 / 64) <= k1 && k0 <= q1",
    "64 * (q1 / 64) <= k0 && k1 <= q0",
    "64 * (q0 / 64) … q1",
  ],
  [
    and(causal, is(distance, "<", data(0, "none"))),
    "k0 <= q1 && q0 - k1 <= d1 - 1 && 1 <= d1",
    "q1 - k0 < d0 && k1 <= q0",
    "q0 - d1 + 1 … q1",
  ],
  [or(), "false", "false", "none"],
];

for (const [mask, possible, certain, keys] of emitted)
  test(`${show(mask)} emits few operations`, () => {
    const found = classify(mask, textRanges, textAlgebra);
    const ranges = keyIntervals(mask, textRanges, textAlgebra).map(({ range: { low, high } }) =>
      [low?.text, "…", high?.text].filter((end) => end !== undefined).join(" "),
    );
    const all = ranges.length === 0 ? "none" : ranges.join(" ∪ ");
    expect([found.possible.text, found.certain.text, all]).toEqual([possible, certain, keys]);
  });

test("keys of a chunk are bounded on both sides", () => {
  const [only] = keyIntervals(chunked, textRanges, textAlgebra);
  expect([only?.range.low?.text, only?.range.high?.text]).toEqual([
    "q0 / 64 * 64",
    "min(q1 / 64 * 64 + 63, q1)",
  ]);
});

const chunkSum = term(term(q, "/", 48), "+", term(k, "/", 48));

test.each<readonly [Predicate, readonly string[]]>([
  [
    and(causal, or(is(distance, "<", 8), is(term(distance, "%", 64), "==", 0))),
    ["0 … 112 in 16 from 120 every 64", "113 … 135"],
  ],
  [is(term(chunkSum, "%", 2), "==", 0), ["0 … 255 in 48 from -96 every 96"]],
  [and(causal, is(term(k, "%", 80), "<", 5)), ["0 … 135 in 5 from 0 every 80"]],
  [
    is(abs(term(term(k, "%", 96), "-", term(q, "%", 96))), "<=", 1),
    ["0 … 255 in 18 from 23 every 96"],
  ],
  // No tile fits between the runs.
  [and(causal, is(term(distance, "%", 16), "==", 0)), ["0 … 135"]],
])("keys of %o come in runs", (mask, wanted) => {
  const ranges = { q: { low: 120, high: 135 }, k: { low: 0, high: 255 }, data: () => ({}) };
  const loops = keyLoops(mask, ranges, numbers, nothingKnown, undefined, 16);
  const shown = loops.map(({ low, high, runs }) => {
    const repeated = runs && ` in ${runs.length} from ${runs.first} every ${runs.period}`;
    return `${low} … ${high}${repeated ?? ""}`;
  });
  expect(shown).toEqual(wanted);
});
