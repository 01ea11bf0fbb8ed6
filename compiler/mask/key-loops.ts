/**
 * Loops over keys: for the query rows of a tile, the key positions that some of them may see, as
 * intervals in closed form. Together they hold every visible key; they may hold others.
 */

import type { Predicate } from "../op/predicate.ts";
import type { Algebra } from "./algebra.ts";
import type { Extent } from "./chunks.ts";
import { type Conjunct, type Cover, coverOf } from "./cover.ts";
import { type Facts, nothingKnown } from "./facts.ts";
import { givenPossible, narrowed, type Tile, withExtents } from "./feasible.ts";
import { type Folded, integerOf, isKnown, known, truthOf, unknown } from "./fold.ts";
import { intersectRanges, type Range, rangeFrom, rangeOfLinear } from "./interval.ts";
import { byConstant, combine, type Linear, readsPosition } from "./linear.ts";
import { type FoundRuns, type KeyRuns, mergedRuns, runsOf } from "./key-runs.ts";
import { toFormula } from "./literal.ts";
import { simplifyFormula } from "./simplify.ts";
import { type TileRanges, tileOf } from "./tile.ts";

/** Key positions that one alternative of a mask leaves, where it applies to a tile of queries. */
export interface KeyInterval<E> {
  /** An absent end is that of the keys. */
  readonly range: Range<E>;
  /** Whether some query of the tile asks for these keys; absent if it always does. */
  readonly when?: E;
  /** Of these keys only those in the runs; absent if all are asked for. */
  readonly runs?: KeyRuns<E>;
}

/** Key positions from `low` to `high`, of which only those in the runs, if there are such. */
export interface KeyLoop<E> extends Extent<E> {
  readonly runs?: KeyRuns<E>;
}

/** More loops than this cost more than the keys between them. */
const mostLoops = 4;
/** Runs fill the gaps between so many loops. */
const mostBetween = 2;

/**
 * The keys that query rows at positions `ranges.q` may see, an interval for each alternative of the
 * mask, in no order and perhaps overlapping. Of `ranges.data`, uses on side `k` must hold for all
 * keys.
 */
export function keyIntervals<E>(
  predicate: Predicate,
  ranges: Omit<TileRanges<E>, "k">,
  algebra: Algebra<E>,
  facts: Facts = nothingKnown,
): readonly KeyInterval<E>[] {
  // Key positions are what is asked for: nothing is known of them but that they are not negative.
  const tile = tileOf({ ...ranges, k: ranges.q }, algebra);
  return found(predicate, tile, facts).map(({ range: { low, high }, when, runs }) => ({
    range: rangeFrom(low && integerOf(low, algebra), high && integerOf(high, algebra)),
    ...(when.kind === "known" ? {} : { when: truthOf(when, algebra) }),
    ...(runs === undefined ? {} : { runs: integersOf(runs, algebra) }),
  }));
}

function integersOf<E>(
  { period, first, length }: KeyRuns<Folded<E>>,
  algebra: Algebra<E>,
): KeyRuns<E> {
  return { period, first: integerOf(first, algebra), length: integerOf(length, algebra) };
}

/**
 * The loops over keys at positions `ranges.k` for query rows at positions `ranges.q`: disjoint
 * intervals in rising order, few. An interval whose low end is above its high end is empty. Ends are
 * used several times: `named` gives an integer a name, where expressions are trees. Runs are those of
 * a mask whose gaps may hold a whole tile of `tile` keys, the same for all loops that have them.
 */
export function keyLoops<E>(
  predicate: Predicate,
  ranges: TileRanges<E>,
  algebra: Algebra<E>,
  facts: Facts = nothingKnown,
  named: (integer: E) => E = (integer) => integer,
  tile: number = Infinity,
): readonly KeyLoop<E>[] {
  const rows = tileOf(ranges, algebra);
  const once = (end: Folded<E>): Folded<E> =>
    end.kind === "known" ? end : unknown(named(end.value));
  const both = ({ low, high }: Extent<Folded<E>>): Extent<Folded<E>> =>
    low === rows.k.low && high === rows.k.high
      ? { low, high }
      : { low: once(low), high: once(high) };
  const all = found(predicate, rows, facts);
  const repeated = periodic(all, tile);
  const plain = (each: readonly Found<E>[]): readonly Extent<Folded<E>>[] =>
    withCommonEnds(
      each.map((one) => within(one, rows)),
      rows,
    );
  const rest = plain(all.filter((each) => !repeated.includes(each)));
  const [first, ...more] = repeated;
  if (first?.runs !== undefined && rest.length <= mostBetween) {
    const extents = repeated.map((one) => both(within(one, rows)));
    const extent = extents.reduce((a, b) => both(hull(a, b, rows)));
    const { period, ...runs } = more.reduce(
      (merged, { runs }) => (runs === undefined ? merged : mergedRuns(merged, runs, rows.algebra)),
      first.runs,
    );
    const shared = { period, first: once(runs.first), length: once(runs.length) };
    const whole = disjoint(rest.map(both), rows, both);
    return between(whole, extent, rows, once).map(({ low, high, inRuns }) => ({
      low: integerOf(low, algebra),
      high: integerOf(high, algebra),
      ...(inRuns ? { runs: integersOf(shared, algebra) } : {}),
    }));
  }
  const few = repeated.length === 0 ? rest : plain(all);
  const loops =
    few.length > mostLoops ? [few.reduce((a, b) => both(hull(a, b, rows)))] : few.map(both);
  return disjoint(loops, rows, both).map(({ low, high }) => ({
    low: integerOf(low, algebra),
    high: integerOf(high, algebra),
  }));
}

/** The alternatives with runs of one period, the longest, between which whole tiles may be empty. */
function periodic<E>(all: readonly Found<E>[], tile: number): readonly Found<E>[] {
  const wide = all.filter(({ runs }) => runs !== undefined && runs.period - runs.least >= tile);
  const longest = Math.max(...wide.map(({ runs }) => runs?.period ?? 0));
  return wide.filter(({ runs }) => runs?.period === longest);
}

/** `whole` intervals, and what of `extent` lies before, between and after them. */
function between<E>(
  whole: readonly Extent<Folded<E>>[],
  extent: Extent<Folded<E>>,
  { algebra }: Tile<E>,
  named: (end: Folded<E>) => Folded<E>,
): readonly (Extent<Folded<E>> & { readonly inRuns: boolean })[] {
  const { min, max, add, subtract } = algebra;
  let from = extent.low;
  const loops = whole.flatMap(({ low, high }) => {
    const before = named(min(extent.high, subtract(low, known(1))));
    const gap = { low: from, high: before, inRuns: true };
    // An interval that is empty ends before it begins, and nothing is walked twice.
    from = named(max(extent.low, max(add(high, known(1)), low)));
    return [gap, { low, high, inRuns: false }];
  });
  const last = whole.at(-1);
  if (last !== undefined && same(last.high, extent.high)) return loops;
  return [...loops, { low: from, high: extent.high, inRuns: true }];
}

interface Found<E> {
  readonly range: Range<Folded<E>>;
  readonly when: Folded<E>;
  readonly runs?: FoundRuns<E>;
}

function found<E>(predicate: Predicate, tile: Tile<E>, facts: Facts): readonly Found<E>[] {
  const cover = coverOf(simplifyFormula(toFormula(predicate), facts));
  return visibleKeys(cover, tile).filter(({ when }) => !isKnown(when, 0));
}

function visibleKeys<E>(cover: Cover, tile: Tile<E>): readonly Found<E>[] {
  if (cover.kind === "alternatives") return cover.conjuncts.map((each) => keysOf(each, tile));
  const operands = cover.operands.map((each) => visibleKeys(each, tile));
  if (cover.kind === "or") return operands.flat();
  const range = operands
    .map((each) => unionRange(each, tile.algebra))
    .reduce((a, b) => intersectRanges(a, b, tile.algebra), {});
  return [{ range, when: known(1) }];
}

/** The smallest range that holds those of all alternatives, whether they apply or not. */
function unionRange<E>(
  alternatives: readonly Found<E>[],
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  if (alternatives.length === 0) return { low: known(0), high: known(-1) };
  return alternatives
    .map(({ range }) => range)
    .reduce((a, b) =>
      rangeFrom(
        a.low && b.low && algebra.min(a.low, b.low),
        a.high && b.high && algebra.max(a.high, b.high),
      ),
    );
}

/** The keys that all bounds of `conjunct` leave, if its bounds on queries leave some. */
function keysOf<E>(conjunct: Conjunct, tile: Tile<E>): Found<E> {
  const { algebra } = tile;
  const { extent, conditions } = narrowed("q", conjunct.bounds, tile);
  const given = conjunct.rows.flatMap((row) =>
    row.kind === "given" && row.side === "q" ? [givenPossible("q", row.given, tile)] : [],
  );
  const tight = withExtents(tile, extent, tile.k);
  const range = conjunct.bounds
    .map(({ form, interval }) => {
      const { low, high } = interval;
      const allowed = rangeFrom<Folded<E>>(
        low === -Infinity ? undefined : known(low),
        high === Infinity ? undefined : known(high),
      );
      return solvedForKey(form, allowed, tight);
    })
    .reduce((a, b) => intersectRanges(a, b, algebra), {});
  const when = [...conditions, ...given].reduce(algebra.and, known<E>(1));
  const runs = runsOf(conjunct.bounds, tight);
  return runs === undefined ? { range, when } : { range, when, runs };
}

/** An interval cut to the tile's keys; empty, and above them all, where it does not apply. */
function within<E>({ range, when }: Found<E>, { algebra, k }: Tile<E>): Extent<Folded<E>> {
  const { select, min, max, add } = algebra;
  const low = range.low === undefined ? k.low : max(range.low, k.low);
  const high = range.high === undefined ? k.high : min(range.high, k.high);
  return { low: select(when, low, add(k.high, known(1))), high: select(when, high, k.high) };
}

/** The same intervals, fewer: those that begin or end alike are one without a gap. */
function withCommonEnds<E>(
  intervals: readonly Extent<Folded<E>>[],
  { algebra }: Tile<E>,
): readonly Extent<Folded<E>>[] {
  const kept: Extent<Folded<E>>[] = [];
  for (const { low, high } of intervals) {
    const at = kept.findIndex((each) => same(each.low, low) || same(each.high, high));
    const like = kept[at];
    if (like === undefined) kept.push({ low, high });
    else if (same(like.low, low)) kept[at] = { low, high: algebra.max(like.high, high) };
    else kept[at] = { low: algebra.min(like.low, low), high };
  }
  return kept;
}

function same<E>(a: Folded<E>, b: Folded<E>): boolean {
  return a === b || (b.kind === "known" && isKnown(a, b.value));
}

/** Both and what is between them; an empty one counts for nothing. */
function hull<E>(
  a: Extent<Folded<E>>,
  b: Extent<Folded<E>>,
  { algebra }: Tile<E>,
): Extent<Folded<E>> {
  const { select, less, min, max } = algebra;
  const low = select(
    less(a.high, a.low),
    b.low,
    select(less(b.high, b.low), a.low, min(a.low, b.low)),
  );
  const high = select(
    less(a.high, a.low),
    b.high,
    select(less(b.high, b.low), a.high, max(a.high, b.high)),
  );
  return { low, high };
}

/** Sorted by their low ends, each without what those before it have. */
function disjoint<E>(
  intervals: readonly Extent<Folded<E>>[],
  { algebra }: Tile<E>,
  named: (interval: Extent<Folded<E>>) => Extent<Folded<E>>,
): readonly Extent<Folded<E>>[] {
  const { lessEqual, select, max, add } = algebra;
  const sorted = [...intervals];
  for (let end = sorted.length - 1; end > 0; end--) {
    for (let i = 0; i < end; i++) {
      const [a, b] = [sorted[i], sorted[i + 1]];
      if (a === undefined || b === undefined) continue;
      const ordered = lessEqual(a.low, b.low);
      const [low, high] = [select(ordered, a.low, b.low), select(ordered, a.high, b.high)];
      sorted[i] = named({ low, high });
      sorted[i + 1] = named({
        low: select(ordered, b.low, a.low),
        high: select(ordered, b.high, a.high),
      });
    }
  }
  let done: Folded<E> | undefined;
  return sorted.map(({ low, high }) => {
    const from = done === undefined ? low : max(low, add(done, known(1)));
    const interval = named({ low: from, high });
    done = done === undefined ? high : max(done, high);
    return interval;
  });
}

/**
 * The keys for which `form` may be in `allowed`, if the key position occurs in it once: alone or
 * inside quotients by constants, each of which is undone.
 */
function solvedForKey<E>(form: Linear, allowed: Range<Folded<E>>, tile: Tile<E>): Range<Folded<E>> {
  const { algebra } = tile;
  const [part, more] = form.parts.filter((each) => readsPosition(each.atom, "k"));
  if (part === undefined || more !== undefined) return {};
  const rest = combine([
    [form, 1],
    [{ constant: 0, parts: [part] }, -1],
  ]);
  const range = rangeOfLinear(rest, tile);
  const product = rangeFrom(
    allowed.low && range.high && algebra.subtract(allowed.low, range.high),
    allowed.high && range.low && algebra.subtract(allowed.high, range.low),
  );
  const value = dividedBy(product, part.coefficient, algebra);
  if (part.atom.kind === "position") return value;
  const quotient = byConstant(part, "/");
  if (quotient === undefined) return {};
  const divisor = known<E>(quotient.divisor);
  const last = known<E>(quotient.divisor - 1);
  const operand = rangeFrom(
    value.low && algebra.multiply(value.low, divisor),
    value.high && algebra.add(algebra.multiply(value.high, divisor), last),
  );
  return solvedForKey(quotient.operand, operand, tile);
}

/** The integers `x` with `x * factor` in `range`. */
function dividedBy<E>(
  range: Range<Folded<E>>,
  factor: number,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  const { low, high } = range;
  const divisor = Math.abs(factor);
  const down = (end: Folded<E>): Folded<E> => algebra.floorDivide(end, known(divisor));
  const up = (end: Folded<E>): Folded<E> => down(algebra.add(end, known(divisor - 1)));
  const negative = (end: Folded<E>): Folded<E> => algebra.subtract(known(0), end);
  return factor > 0
    ? rangeFrom(low && up(low), high && down(high))
    : rangeFrom(high && up(negative(high)), low && down(negative(low)));
}
