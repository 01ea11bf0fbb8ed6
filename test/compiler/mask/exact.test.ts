/**
 * Inside one segment, where the positions of a tile follow each other, tile classes of masks over
 * positions are exact: no tile that is empty or full is called `maybe`.
 */

import { expect, test } from "vitest";
import {
  classOf,
  evaluatePredicate,
  type RowFacts,
  show,
  type TileClass,
  tileTest,
} from "../../../compiler/mask/index.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import {
  abs,
  and,
  causal,
  composite,
  data,
  distance,
  is,
  k,
  not,
  or,
  q,
  term,
  window,
} from "./build.ts";

const facts = { shared: true, querySegment: "text", keySegment: "text" };
/** The value of the data that belongs to no row. */
const width = 5;

const chunked = is(term(q, "/", 4), "==", term(k, "/", 4));
const strided = is(term(distance, "%", 3), "==", 0);
const prefix = is(k, "<", 6);
const diagonal = is(k, "==", q);

/** The masks of the standard library over positions, and the parts that they are made of. */
const standard: Readonly<Record<string, Predicate>> = {
  causal,
  window: window(4),
  wide: window(9),
  band: is(abs(distance), "<=", 2),
  future: is(q, "<", k),
  shifted: is(k, "<=", term(q, "+", 3)),
  strided,
  dilated: and(causal, is(distance, "<", 9), strided),
  checkerboard: is(term(q, "%", 2), "==", term(k, "%", 2)),
  chunked,
  "chunked causal": and(chunked, causal),
  "chunked window": and(chunked, window(3)),
  "chunked strided": and(chunked, strided),
  "block causal": is(term(k, "/", 4), "<=", term(q, "/", 4)),
  "chunk start": and(is(term(term(q, "/", 4), "*", 4), "<=", k), causal),
  "neighbour chunks": is(abs(term(term(q, "/", 4), "-", term(k, "/", 4))), "<=", 1),
  "neighbour chunks causal": and(is(term(term(q, "/", 4), "-", term(k, "/", 4)), "<=", 1), causal),
  prefix,
  "prefix of every length": is(k, "<", data(0, "none")),
  "window of every width": and(causal, is(distance, "<", data(0, "none"))),
  "prefix causal": or(prefix, causal),
  sinks: and(causal, or(is(k, "<", 2), is(distance, "<", 4))),
  diagonal,
  composite,
  hollow: not(diagonal),
  "hollow causal": and(causal, not(diagonal)),
  even: is(term(k, "%", 2), "==", 0),
  "even queries, odd keys": and(
    is(term(q, "%", 2), "==", 0),
    is(term(k, "%", 2), "==", 1),
    window(5),
  ),
  summary: or(causal, is(term(k, "%", 5), "==", 0)),
  global: or(is(q, "<", 3), is(k, "<", 3), is(abs(distance), "<=", 2)),
  all: and(),
  none: or(),
};

for (const [name, mask] of Object.entries(standard))
  for (const [how, predicate] of [
    ["", mask],
    ["not ", not(mask)],
  ] as const)
    test(`${how}${name} is exact`, () => {
      expect(inexact(predicate, everyTile)).toEqual([]);
    });

const bases = [
  causal,
  window(4),
  strided,
  chunked,
  prefix,
  diagonal,
  not(diagonal),
  is(abs(distance), "<=", 2),
  is(term(k, "/", 4), "<=", term(q, "/", 4)),
];

test("two of them combined are exact", { timeout: 60_000 }, () => {
  const wrong = bases.flatMap((a) =>
    bases.flatMap((b) =>
      [and(a, b), or(a, b), and(a, not(b)), or(a, not(b))].flatMap((mask) =>
        inexact(mask, someTiles).slice(0, 1),
      ),
    ),
  );
  expect(wrong).toEqual([]);
});

interface Span {
  readonly low: number;
  readonly high: number;
}

function spans(starts: number, sizes: readonly number[]): readonly Span[] {
  return Array.from({ length: starts }, (_, low) => low).flatMap((low) =>
    sizes.map((size) => ({ low, high: low + size - 1 })),
  );
}

function everyTile(): readonly (readonly [Span, Span])[] {
  const each = spans(13, [1, 2, 3, 5]);
  return each.flatMap((a) => each.map((b) => [a, b] as const));
}

function someTiles(): readonly (readonly [Span, Span])[] {
  const queries = spans(9, [1, 3, 4]);
  return queries.flatMap((a) => spans(11, [1, 2, 5]).map((b) => [a, b] as const));
}

/** The tiles that `predicate` leaves empty or full and that are not classified so. */
function inexact(
  predicate: Predicate,
  tiles: () => readonly (readonly [Span, Span])[],
): readonly string[] {
  const prepared = tileTest(predicate, facts);
  return tiles().flatMap(([queries, keys]) => {
    const found = classOf(prepared, {
      q: queries,
      k: keys,
      data: () => ({ low: width, high: width }),
    });
    const wanted = trueClass(predicate, queries, keys);
    if (found === wanted) return [];
    const tile = `q ${queries.low}-${queries.high}, k ${keys.low}-${keys.high}`;
    return [`${show(predicate)} at ${tile}: ${found}, not ${wanted}`];
  });
}

function trueClass(predicate: Predicate, queries: Span, keys: Span): TileClass {
  let [seen, hidden] = [false, false];
  for (let query = queries.low; query <= queries.high; query++)
    for (let key = keys.low; key <= keys.high; key++)
      if (evaluatePredicate(predicate, rowAt(query, key))) seen = true;
      else hidden = true;
  return seen && hidden ? "maybe" : seen ? "always" : "never";
}

function rowAt(query: number, key: number): RowFacts {
  return {
    position: (side) => (side === "q" ? query : key),
    data: () => width,
    lookup: () => expect.unreachable("a mask has no lookup"),
    inSegment: (_, segment) => segment === "text",
    given: () => true,
  };
}
