/** What is derived from a mask against its brute-force definition. */

import { expect } from "vitest";
import {
  classify,
  classOf,
  element,
  evaluatePredicate,
  type Extent,
  extendable,
  type Facts,
  type KeyLoop,
  keyLoops,
  type Likelihood,
  numbers,
  type RowFacts,
  rowVerdict,
  show,
  simplify,
  type TileClass,
  type TileRanges,
  tileTest,
  type Verdict,
  verdictOf,
} from "../../../compiler/mask/index.ts";
import type { Predicate, Side, Term } from "../../../compiler/op/predicate.ts";
import type { Random, Row, Sequence } from "./random.ts";
import { type Late, late } from "./symbolic.ts";

/** Everything about `predicate` on `sequence` that brute force contradicts, with tiles of any size. */
export function faults(
  predicate: Predicate,
  sequence: Sequence,
  from: Random,
  largestTile: number,
): readonly string[] {
  const groups = groupsOf(sequence);
  const seen = visibility(predicate, sequence);
  const some = Array.from({ length: groupPairs }, () => [from.pick(groups), from.pick(groups)]);
  const wrong = some.flatMap(([q, k]) => {
    if (q === undefined || k === undefined) return [];
    const where = JSON.stringify(factsOf(q, k));
    return [
      ...segmentFaults(predicate, sequence, q, k, seen),
      ...tileFaults(predicate, sequence, q, k, seen, from, largestTile),
    ].map((fault) => `${fault} with ${where}`);
  });
  return [
    ...wrong,
    ...rowFaults(predicate, groups, seen),
    ...growthFaults(predicate, sequence, seen),
  ];
}

/** Of the pairs of row sets, so many are tried for each mask. */
const groupPairs = 2;

/** Whether a query row sees a key row. */
type Visible = (query: Row, key: Row) => boolean;

/** The definition, evaluated once for every pair of rows. */
function visibility(predicate: Predicate, sequence: Sequence): Visible {
  const keysOf = new Map(
    sequence.rows.map((query) => [
      query,
      new Set(
        sequence.rows.filter((key) => evaluatePredicate(predicate, rowFacts(sequence, query, key))),
      ),
    ]),
  );
  return (query, key) => keysOf.get(query)?.has(key) ?? expect.unreachable("a row of no sequence");
}

function rowFacts(sequence: Sequence, q: Row, k: Row): RowFacts {
  const row = (side: Side): Row | undefined => (side === "none" ? undefined : { q, k }[side]);
  return {
    position: (side) => ({ q, k })[side].position,
    data: (index, side) => row(side)?.data[index] ?? sequence.constant,
    lookup: () => expect.unreachable("a mask has no lookup"),
    inSegment: (side, segment) => ({ q, k })[side].segment === segment,
    given: (side) => ({ q, k })[side].given,
  };
}

/** A set of rows that facts describe. */
interface Group {
  readonly facts: { readonly segment?: string; readonly given?: boolean };
  readonly rows: readonly Row[];
}

function groupsOf(sequence: Sequence): readonly Group[] {
  const { rows } = sequence;
  const ofSegment = sequence.segments.map((segment): Group => {
    return { facts: { segment }, rows: rows.filter((row) => row.segment === segment) };
  });
  const byAge = ofSegment.flatMap((group) =>
    [true, false].map((given): Group => {
      const aged = group.rows.filter((row) => row.given === given);
      return { facts: { ...group.facts, given }, rows: aged };
    }),
  );
  return [{ facts: {}, rows }, ...ofSegment, ...byAge];
}

function factsOf(q: Group, k: Group): Facts {
  return {
    shared: true,
    ...(q.facts.segment === undefined ? {} : { querySegment: q.facts.segment }),
    ...(k.facts.segment === undefined ? {} : { keySegment: k.facts.segment }),
    ...(q.facts.given === undefined ? {} : { queryGiven: q.facts.given }),
    ...(k.facts.given === undefined ? {} : { keyGiven: k.facts.given }),
  };
}

/** Simplification, verdict and element for one pair of groups of rows. */
function segmentFaults(
  predicate: Predicate,
  sequence: Sequence,
  q: Group,
  k: Group,
  seen: Visible,
): readonly string[] {
  const facts = factsOf(q, k);
  const simple = simplify(predicate, facts);
  const verdict = verdictOf(predicate, facts);
  const again = simplify(simple, facts);
  const wrong =
    show(again) === show(simple) ? [] : [`${show(simple)} simplifies to ${show(again)}`];
  let rows: RowFacts | undefined;
  const emitted = elementOf(simple, () => rows ?? expect.unreachable("no rows"));
  for (const [query, key] of pairs(q.rows, k.rows)) {
    rows = rowFacts(sequence, query, key);
    const expected = seen(query, key);
    const where = `at ${query.position}, ${key.position}`;
    if (evaluatePredicate(simple, rows) !== expected) wrong.push(`${show(simple)} ${where}`);
    if ((emitted() === 1) !== expected) wrong.push(`element ${where}`);
    if (verdictSees(verdict, query, key, expected) !== expected)
      wrong.push(`${verdict.kind} ${where}`);
  }
  return wrong;
}

function elementOf(predicate: Predicate, rows: () => RowFacts): Late {
  return element<Late>(predicate, late, {
    position: (side) => () => rows().position(side),
    data: (index, side) => () => rows().data(index, side),
    table: () => expect.unreachable("a mask has no table"),
    inSegment: (side, segment) => () => Number(rows().inSegment(side, segment)),
    given: (side) => () => Number(rows().given(side)),
  });
}

function verdictSees(verdict: Verdict, q: Row, k: Row, general: boolean): boolean {
  const difference = q.position - k.position;
  switch (verdict.kind) {
    case "none":
      return false;
    case "all":
      return true;
    case "causal":
      return difference >= 0;
    case "diagonal":
      return q === k;
    case "window":
      return difference >= 0 && difference < verdict.width;
    case "general":
      return general;
  }
}

/** What a query row sees of all segments together. */
function rowFaults(
  predicate: Predicate,
  groups: readonly Group[],
  seen: Visible,
): readonly string[] {
  const wrong: string[] = [];
  const segments = groups.filter((each) => each.facts.segment && each.facts.given === undefined);
  for (const q of segments) {
    const row = rowVerdict(
      segments.map((k) => ({ verdict: verdictOf(predicate, factsOf(q, k)), own: k === q })),
    );
    for (const query of q.rows) {
      const keys = segments.map((k) => k.rows.filter((key) => seen(query, key)));
      const right =
        row.kind === "zeros"
          ? keys.flat().length === 0
          : row.kind === "identity"
            ? keys.flat().length === 1 && keys[row.part]?.[0] === query
            : keys.every((each, part) => each.length === 0 || row.live.includes(part));
      if (!right) wrong.push(`row ${query.position} is not ${JSON.stringify(row)}`);
    }
  }
  return wrong;
}

/** Classes and key bounds of all tiles of random sizes. */
function tileFaults(
  predicate: Predicate,
  sequence: Sequence,
  q: Group,
  k: Group,
  seen: Visible,
  from: Random,
  largestTile: number,
): readonly string[] {
  const wrong: string[] = [];
  const facts = factsOf(q, k);
  const coarser = dividesByRows(predicate);
  const test = tileTest(predicate, facts);
  let current: TileRanges<number> | undefined;
  const ranges = lateRanges(() => current ?? expect.unreachable("no tile"));
  const emitted = classify(predicate, ranges, late, facts);
  const [queryTile, keyTile] = [1 + from.below(largestTile), 1 + from.below(largestTile)];
  const named = (end: Late): Late => once(end, () => current);
  const loops = keyLoops(predicate, ranges, late, facts, named, keyTile);
  for (const queries of tiles(q.rows, queryTile)) {
    for (const keys of [k.rows, ...tiles(k.rows, keyTile)]) {
      if (keys.length === 0) continue;
      current = rangesOf(sequence, queries, keys);
      const found = classOf(test, current);
      const code = classFrom(emitted);
      const where = `at ${JSON.stringify([current.q, current.k])}`;
      const bounds = loops.map(({ low, high, runs }): KeyLoop<number> => {
        const ends = { low: low(), high: high() };
        if (runs === undefined) return ends;
        return { ...ends, runs: { ...runs, first: runs.first(), length: runs.length() } };
      });
      const known =
        keys === k.rows ? keyLoops(predicate, current, numbers, facts, undefined, keyTile) : bounds;
      for (const overlap of [overlapOf(bounds), overlapOf(known)])
        if (overlap !== undefined) wrong.push(`${overlap} ${where}`);
      for (const [query, key] of pairs(queries, keys)) {
        const expected = seen(query, key);
        if (found === (expected ? "never" : "always")) wrong.push(`${found} ${where}`);
        for (const each of [bounds, known])
          if (expected && !each.some((loop) => isWalked(loop, key.position)))
            wrong.push(`no loop has ${key.position}: ${JSON.stringify(each)} ${where}`);
      }
      if (code !== found && !(code === "maybe" && coarser))
        wrong.push(`emitted ${code}, not ${found} ${where}`);
    }
  }
  return wrong;
}

/** Whether a loop has the key at `position`. */
function isWalked({ low, high, runs }: KeyLoop<number>, position: number): boolean {
  if (position < low || position > high) return false;
  if (runs === undefined) return true;
  return numbers.remainder(position - runs.first, runs.period) < runs.length;
}

/** As `integer`, computed once for each of `places`. */
function once(integer: Late, place: () => unknown): Late {
  let last: unknown;
  let value = 0;
  return () => {
    if (last !== place()) [last, value] = [place(), integer()];
    return value;
  };
}

/** Loops that are not disjoint and in rising order, as text. */
function overlapOf(loops: readonly Extent<number>[]): string | undefined {
  const filled = loops.filter(({ low, high }) => low <= high);
  const wrong = filled.some(
    (each, index) => index > 0 && each.low <= (filled[index - 1]?.high ?? 0),
  );
  return wrong ? `loops overlap: ${JSON.stringify(loops)}` : undefined;
}

/** Emitted code cannot choose the rule by the sign of a divisor; known numbers can. */
function dividesByRows(predicate: Predicate): boolean {
  const dividing = (term: Term): boolean =>
    term.kind === "absolute"
      ? dividing(term.operand)
      : term.kind === "binary" &&
        (dividing(term.left) ||
          dividing(term.right) ||
          ((term.operator === "/" || term.operator === "%") && term.right.kind !== "number"));
  switch (predicate.kind) {
    case "not":
      return dividesByRows(predicate.operand);
    case "and":
    case "or":
      return predicate.operands.some(dividesByRows);
    case "compare":
      return dividing(predicate.left) || dividing(predicate.right);
    default:
      return false;
  }
}

function classFrom({ possible, certain }: Likelihood<Late>): TileClass {
  if (possible() === 0) return "never";
  return certain() === 1 ? "always" : "maybe";
}

function lateRanges(current: () => TileRanges<number>): TileRanges<Late> {
  return {
    q: { low: () => current().q.low, high: () => current().q.high },
    k: { low: () => current().k.low, high: () => current().k.high },
    data: (index, side) => ({
      low: () => current().data(index, side).low ?? expect.unreachable("no low end"),
      high: () => current().data(index, side).high ?? expect.unreachable("no high end"),
    }),
  };
}

function rangesOf(
  sequence: Sequence,
  queries: readonly Row[],
  keys: readonly Row[],
): TileRanges<number> {
  const extent = (values: readonly number[]): { low: number; high: number } => {
    return { low: Math.min(...values), high: Math.max(...values) };
  };
  return {
    q: extent(queries.map((row) => row.position)),
    k: extent(keys.map((row) => row.position)),
    data: (index, side) => {
      if (side === "none") return { low: sequence.constant, high: sequence.constant };
      return extent({ q: queries, k: keys }[side].map((row) => row.data[index] ?? 0));
    },
  };
}

/** The generation proof, against all earlier queries and later new keys. */
function growthFaults(predicate: Predicate, sequence: Sequence, seen: Visible): readonly string[] {
  const proof = extendable(predicate, sequence.segments, sequence.growing);
  if (proof.kind === "no") {
    const { example } = proof;
    return example === undefined || example.q < example.k ? [] : ["the example is out of order"];
  }
  return pairs(sequence.rows, sequence.rows).flatMap(([query, key]) =>
    !key.given && query.position < key.position && seen(query, key)
      ? [`${query.position} sees ${key.position}, which came later`]
      : [],
  );
}

function tiles(rows: readonly Row[], size: number): readonly (readonly Row[])[] {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, index) =>
    rows.slice(index * size, (index + 1) * size),
  );
}

function pairs(left: readonly Row[], right: readonly Row[]): readonly (readonly [Row, Row])[] {
  return left.flatMap((a) => right.map((b) => [a, b] as const));
}
