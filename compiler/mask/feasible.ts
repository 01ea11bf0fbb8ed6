/**
 * Whether a tile may hold a pair of rows for which a conjunction of bounds holds.
 *
 * Bounds on `q`, on `k` and on `q - k` are closed against each other: if all positions of the tile
 * occur, `q` and `k` take every pair of values and `q - k` every value between its extremes, so the
 * answer is exact; also with remainders of these, and with `q / n - k / n` (see chunks.ts). For all
 * other terms it is sound.
 */

import { unreachable } from "../../grammar/invariant.ts";
import { floorRemainder } from "../op/special.ts";
import { chunksPossible, differencesOf, type Extent } from "./chunks.ts";
import type { Conjunct } from "./cover.ts";
import { type Folded, known } from "./fold.ts";
import type { Interval } from "./integer-set.ts";
import {
  type AtomRanges,
  type Intervals,
  intersectRanges,
  type Range,
  rangeFrom,
  rangeOfLinear,
} from "./interval.ts";
import type { Linear } from "./linear.ts";
import type { Bound, Residue, Subject } from "./subject.ts";

/** A truth value known only within bounds: whether it may hold, and whether it must. */
export interface Likelihood<E> {
  readonly possible: E;
  readonly certain: E;
}

/** The rows of one tile. */
export interface Tile<E> extends Intervals<E> {
  readonly q: Extent<Folded<E>>;
  readonly k: Extent<Folded<E>>;
  readonly data: AtomRanges<Folded<E>>["data"];
  readonly table: AtomRanges<Folded<E>>["table"];
  /** Whether the rows of that side are given; without it, they may or may not be. */
  readonly given: ((side: "q" | "k") => Likelihood<Folded<E>>) | undefined;
}

/** Whether some pair of rows in `tile` may satisfy `conjunct`. */
export function feasible<E>(conjunct: Conjunct, tile: Tile<E>): Folded<E> {
  const { bounds } = conjunct;
  const q = narrowed("q", bounds, tile);
  const k = narrowed("k", bounds, tile);
  const tight = withExtents(tile, q.extent, k.extent);
  const rows = conjunct.rows.flatMap((row) =>
    row.kind === "given" ? [givenPossible(row.side, row.given, tile)] : [],
  );
  const others = bounds.map((each) => separatelyPossible(each, tight));
  return all(tile, [
    ...rows,
    ...q.conditions,
    ...k.conditions,
    ...others,
    differencePossible(bounds, tight),
  ]);
}

/** `tile` cut to these positions. */
export function withExtents<E>(
  tile: Omit<Tile<E>, "ranges" | "q" | "k">,
  q: Extent<Folded<E>>,
  k: Extent<Folded<E>>,
): Tile<E> {
  const { data, table } = tile;
  const ranges = { q, k, data, ...(table === undefined ? {} : { table }) };
  return { ...tile, q, k, ranges };
}

/** Whether rows of a side may be given, or may be new. */
export function givenPossible<E>(side: "q" | "k", given: boolean, tile: Tile<E>): Folded<E> {
  const likelihood = tile.given?.(side);
  if (likelihood === undefined) return known(1);
  return given ? likelihood.possible : tile.algebra.not(likelihood.certain);
}

/** The positions of one side that its own bounds leave, and whether there are any. */
export function narrowed<E>(
  side: "q" | "k",
  bounds: readonly Bound[],
  tile: Tile<E>,
): { readonly extent: Extent<Folded<E>>; readonly conditions: readonly Folded<E>[] } {
  const { algebra } = tile;
  let { low, high } = tile[side];
  const conditions: Folded<E>[] = [];
  for (const { interval, subject } of bounds) {
    if (subject.kind !== side) continue;
    const allowed = solved(interval, subject.rest, tile);
    if (allowed.low !== undefined) conditions.push(algebra.lessEqual(allowed.low, high));
    if (allowed.high !== undefined) conditions.push(algebra.lessEqual(low, allowed.high));
    if (allowed.low !== undefined && allowed.high !== undefined)
      conditions.push(algebra.lessEqual(allowed.low, allowed.high));
    const both = intersectRanges({ low, high }, allowed, algebra);
    low = both.low ?? low;
    high = both.high ?? high;
  }
  for (const { subject } of bounds) {
    const residue = residueOf(side, subject);
    if (residue === undefined) continue;
    const up = algebra.subtract(low, known(residue.low));
    const down = algebra.subtract(known(residue.high), high);
    low = algebra.add(low, stepsInto(residue, up, tile));
    high = algebra.subtract(high, stepsInto(residue, down, tile));
    conditions.push(algebra.lessEqual(low, high));
  }
  return { extent: { low, high }, conditions };
}

/** The steps to the next run of residues from a place so far `past` where the last one was entered. */
function stepsInto<E>(
  { divisor, low, high }: Residue,
  past: Folded<E>,
  { algebra }: Tile<E>,
): Folded<E> {
  if (low === high) return algebra.remainder(algebra.subtract(known(0), past), known(divisor));
  const place = algebra.remainder(past, known(divisor));
  const outside = algebra.subtract(known(divisor), place);
  return algebra.select(algebra.lessEqual(place, known(high - low)), known(0), outside);
}

/** The values of `x` for which `x + rest` may lie in `interval`. */
function solved<E>(interval: Interval, rest: Linear, tile: Tile<E>): Range<Folded<E>> {
  const { low, high } = rangeOfLinear(rest, tile);
  const { subtract } = tile.algebra;
  return rangeFrom(
    interval.low === -Infinity || high === undefined
      ? undefined
      : subtract(known(interval.low), high),
    interval.high === Infinity || low === undefined
      ? undefined
      : subtract(known(interval.high), low),
  );
}

/** The residue that `subject` asks of the position of a side, or of the difference. */
function residueOf(of: "q" | "k" | "difference", subject: Subject): Residue | undefined {
  return subject.kind === "remainder" && subject.of === of ? subject : undefined;
}

/** Whether a bound may hold as far as it can be told from the bound alone. */
function separatelyPossible<E>({ form, interval, subject }: Bound, tile: Tile<E>): Folded<E> {
  const { algebra } = tile;
  switch (subject.kind) {
    case "q":
    case "k":
    case "difference":
      return known(1);
    case "remainder":
      return subject.of === "difference"
        ? known(1)
        : residuePossible(rangeOfLinear(subject.operand, tile), subject, tile);
    case "chunks":
      return chunksPossible(subject, tile.q, tile.k, algebra);
    case "other":
      return overlap(rangeOfLinear(form, tile), finite(interval), tile);
    default:
      return unreachable(subject);
  }
}

/** Whether some `q - k` satisfies all bounds on it at once. */
function differencePossible<E>(bounds: readonly Bound[], tile: Tile<E>): Folded<E> {
  const { algebra } = tile;
  let allowed: Range<Folded<E>> = {};
  const residues = sameRemainders(bounds);
  for (const { interval, subject } of bounds) {
    if (subject.kind === "difference")
      allowed = intersectRanges(allowed, solved(interval, subject.rest, tile), algebra);
    const residue = residueOf("difference", subject);
    if (residue !== undefined) residues.push(residue);
  }
  if (allowed.low === undefined && allowed.high === undefined && residues.length === 0)
    return known(1);
  const attained = attainedDifferences(bounds, allowed, residues.length > 0, tile);
  const possible = intersectRanges(attained, allowed, algebra);
  const each = residues.map((residue) => residuePossible(possible, residue, tile));
  return all(tile, [overlap(attained, allowed, tile), notEmpty(allowed, tile), ...each]);
}

/**
 * The differences that occur in the tile under a bound to chunks, if there is one.
 *
 * An end is needed only if a bound to differences lies beyond equal places in the last chunks that
 * are allowed: else the tile has such chunks with such a difference as soon as it has both.
 */
function attainedDifferences<E>(
  bounds: readonly Bound[],
  allowed: Range<Folded<E>>,
  exact: boolean,
  { algebra, q, k }: Tile<E>,
): Extent<Folded<E>> {
  const full = { low: algebra.subtract(q.low, k.high), high: algebra.subtract(q.high, k.low) };
  const chunks = bounds.flatMap(({ subject }) => (subject.kind === "chunks" ? [subject] : []))[0];
  if (chunks === undefined) return full;
  const { divisor, query, key, interval } = chunks;
  const equalPlaces = (distance: number): number => distance * divisor - (query - key);
  const ends = knownEnds(allowed);
  const { low, high } = differencesOf(chunks, q, k, algebra);
  return {
    low: exact || ends.high < equalPlaces(interval.low) ? low : full.low,
    high: exact || ends.low > equalPlaces(interval.high) ? high : full.high,
  };
}

/** Remainders of `q - k` that follow from those of `q` and of `k` by the same divisor. */
function sameRemainders(bounds: readonly Bound[]): Residue[] {
  const single = (of: "q" | "k"): readonly Residue[] =>
    bounds.flatMap(({ subject }) => {
      const residue = residueOf(of, subject);
      return residue !== undefined && residue.low === residue.high ? [residue] : [];
    });
  return single("q").flatMap((query) =>
    single("k").flatMap((key) => {
      if (query.divisor !== key.divisor) return [];
      const rest = floorRemainder(query.low - key.low, query.divisor);
      return [{ divisor: query.divisor, low: rest, high: rest }];
    }),
  );
}

/** Whether an integer in `range` leaves a remainder as `residue` says. */
function residuePossible<E>(
  range: Range<Folded<E>>,
  residue: Residue,
  { algebra }: Tile<E>,
): Folded<E> {
  if (range.low === undefined || range.high === undefined) return known(1);
  const { divisor, low, high } = residue;
  // The last multiple of the divisor from which `low` is still in range must reach it with `high`.
  const turns = algebra.floorDivide(algebra.subtract(range.high, known(low)), known(divisor));
  const reached = algebra.multiply(turns, known(divisor));
  return algebra.lessEqual(algebra.subtract(range.low, known(high)), reached);
}

function overlap<E>(a: Range<Folded<E>>, b: Range<Folded<E>>, { algebra }: Tile<E>): Folded<E> {
  const before =
    b.low === undefined || a.high === undefined ? known<E>(1) : algebra.lessEqual(b.low, a.high);
  const after =
    a.low === undefined || b.high === undefined ? known<E>(1) : algebra.lessEqual(a.low, b.high);
  return algebra.and(before, after);
}

function notEmpty<E>({ low, high }: Range<Folded<E>>, { algebra }: Tile<E>): Folded<E> {
  return low === undefined || high === undefined ? known(1) : algebra.lessEqual(low, high);
}

function finite<E>({ low, high }: Interval): Range<Folded<E>> {
  return rangeFrom(
    low === -Infinity ? undefined : known<E>(low),
    high === Infinity ? undefined : known<E>(high),
  );
}

/** Both ends of what is allowed, as tight as they may turn out to be. */
function knownEnds<E>({ low, high }: Range<Folded<E>>): Interval {
  const end = (folded: Folded<E> | undefined, open: number): number =>
    folded === undefined ? open : folded.kind === "known" ? folded.value : -open;
  return { low: end(low, -Infinity), high: end(high, Infinity) };
}

function all<E>({ algebra }: Tile<E>, conditions: readonly Folded<E>[]): Folded<E> {
  return conditions.reduce(algebra.and, known<E>(1));
}
