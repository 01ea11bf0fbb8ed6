/** When a sequence may grow without changing what was computed, and what to blame if it may not. */

import { expect, test } from "vitest";
import { extendable, show } from "../../../compiler/mask/index.ts";
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
  window,
  within,
} from "./build.ts";

const stable: readonly Predicate[] = [
  causal,
  composite,
  window(3),
  or(),
  and(given("k"), is(abs(distance), "<=", 4)),
  // A prefix that sees itself both ways, then causal.
  or(causal, and(given("q"), given("k"))),
  or(causal, and(within("q", "visual"), within("k", "visual"))),
  and(is(data(0, "q"), "==", data(1, "k")), causal),
  or(causal, and(not(given("q")), is(k, "<=", q))),
];

for (const mask of stable)
  test(`${show(mask)} may grow`, () => {
    expect(extendable(mask, ["visual", "text"], "text")).toEqual({ kind: "yes" });
  });

interface Blame {
  readonly mask: Predicate;
  readonly query: string;
  readonly guilty: string;
  readonly example?: { readonly q: number; readonly k: number };
}

const unstable: readonly Blame[] = [
  { mask: and(), query: "given visual", guilty: "all", example: { q: 0, k: 1 } },
  {
    mask: or(and(within("q", "text"), is(k, "<=", q)), within("q", "visual")),
    query: "given visual",
    guilty: "q in visual",
    example: { q: 0, k: 1 },
  },
  {
    mask: or(composite, is(abs(distance), "<=", 2)),
    query: "given visual",
    guilty: "abs(q - k) <= 2",
    example: { q: 0, k: 1 },
  },
  {
    mask: and(within("q", "text"), is(k, "<", 40)),
    query: "given text",
    guilty: "k < 40",
    example: { q: 0, k: 1 },
  },
  {
    mask: or(causal, and(within("q", "text"), is(distance, "==", -30), is(40, "<=", k))),
    query: "given text",
    guilty: "q - k == -30",
    example: { q: 10, k: 40 },
  },
  {
    mask: is(data(0, "q"), "==", data(1, "k")),
    query: "given visual",
    guilty: "data0[q] == data1[k]",
  },
];

for (const { mask, query, guilty, example } of unstable)
  test(`${show(mask)} is judged by its smallest part`, () => {
    const found = extendable(mask, ["visual", "text"], "text");
    if (found.kind === "yes") return expect.unreachable("the mask shows new keys to old queries");
    expect({
      query: `${found.queryNew ? "new" : "given"} ${found.querySegment}`,
      guilty: show(found.guilty),
      ...(found.example === undefined ? {} : { example: found.example }),
    }).toEqual({ query, guilty, ...(example === undefined ? {} : { example }) });
    expect(found.keySegment).toBe("text");
  });

test("new rows that see later new ones are told apart", () => {
  const mask = or(causal, not(or(given("q"), given("k"))));
  const found = extendable(mask, ["text"], "text");
  expect(found).toMatchObject({ kind: "no", queryNew: true, example: { q: 0, k: 1 } });
  expect(found.kind === "no" && show(found.guilty)).toBe("not (q in given or k in given)");
});

test("an axis without segments may grow as well", () => {
  expect(extendable(causal, [], undefined)).toEqual({ kind: "yes" });
  expect(extendable(is(q, "<=", k), [], undefined)).toMatchObject({ kind: "no", queryNew: false });
});
