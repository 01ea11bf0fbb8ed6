/**
 * Periodic masks: where a remainder decides which keys a tile of queries may see, these are runs of
 * keys that repeat. Between runs nothing is visible, so a loop may go from run to run.
 */

import type { Algebra } from "./algebra.ts";
import { type Folded, known } from "./fold.ts";
import {
  type Intervals,
  intersectRanges,
  type Range,
  rangeFrom,
  rangeOfLinear,
} from "./interval.ts";
import { byConstant, combine, type Linear, type LinearPart, readsPosition } from "./linear.ts";
import type { Bound } from "./subject.ts";

/** The key positions `first` to `first + length - 1`, and all that lie whole periods before or after. */
export interface KeyRuns<E> {
  readonly period: number;
  readonly first: E;
  /** At least 1; from the period on, no key is left out. */
  readonly length: E;
}

/** Runs, and how long they are for a single query. */
export interface FoundRuns<E> extends KeyRuns<Folded<E>> {
  readonly least: number;
}

/** The runs that `bounds` confine keys to: those with the widest gaps. */
export function runsOf<E>(bounds: readonly Bound[], tile: Intervals<E>): FoundRuns<E> | undefined {
  const byRemainder = new Map<string, readonly RemainderBound<E>[]>();
  for (const bound of bounds) {
    const found = remainderBound(bound, tile);
    if (found === undefined) continue;
    const { key } = found.part;
    byRemainder.set(key, [...(byRemainder.get(key) ?? []), found]);
  }
  const all = [...byRemainder.values()].flatMap((each) => runsOfRemainder(each, tile) ?? []);
  const gap = ({ period, least }: FoundRuns<E>): number => period - least;
  return all.toSorted((a, b) => gap(b) - gap(a))[0];
}

/** Runs that hold both, which have one period. */
export function mergedRuns<E>(
  a: FoundRuns<E>,
  b: FoundRuns<E>,
  algebra: Algebra<Folded<E>>,
): FoundRuns<E> {
  const { add, subtract, max, remainder } = algebra;
  const behind = remainder(subtract(b.first, a.first), known(a.period));
  const length = max(a.length, add(behind, b.length));
  return { period: a.period, first: a.first, length, least: Math.max(a.least, b.least) };
}

/** What a bound leaves of a remainder by a constant of what reads the key. */
interface RemainderBound<E> {
  readonly part: LinearPart;
  readonly range: Range<Folded<E>>;
  /** How many remainders that are for one query, if the bound has both ends. */
  readonly width: number;
}

function remainderBound<E>(
  { form, interval }: Bound,
  tile: Intervals<E>,
): RemainderBound<E> | undefined {
  const { algebra } = tile;
  const split = splitAtKey(form, tile);
  if (split === undefined || byConstant(split.part, "%") === undefined) return undefined;
  const { part, rest } = split;
  const isNegative = part.coefficient < 0;
  // The remainder and what else is there lie in the interval, both perhaps negated.
  const { low, high } = isNegative ? { low: -interval.high, high: -interval.low } : interval;
  const others = isNegative ? negated(rest, algebra) : rest;
  const range = rangeFrom(
    low === -Infinity || others.high === undefined
      ? undefined
      : algebra.subtract(known(low), others.high),
    high === Infinity || others.low === undefined
      ? undefined
      : algebra.subtract(known(high), others.low),
  );
  return { part, range, width: high - low + 1 };
}

/** The runs of keys for which one remainder is as all of `bounds` ask. */
function runsOfRemainder<E>(
  bounds: readonly RemainderBound<E>[],
  tile: Intervals<E>,
): FoundRuns<E> | undefined {
  const { algebra } = tile;
  const remainder = bounds[0] && byConstant(bounds[0].part, "%");
  if (remainder === undefined) return undefined;
  const { divisor, operand } = remainder;
  const full: Range<Folded<E>> = { low: known(0), high: known(divisor - 1) };
  const { low = known<E>(0), high = known<E>(divisor - 1) } = bounds
    .map(({ range }) => range)
    .reduce((a, b) => intersectRanges(a, b, algebra), full);
  const count = algebra.add(algebra.subtract(high, low), known(1));
  const isBounded = (end: "low" | "high"): boolean =>
    bounds.some(({ range }) => range[end] !== undefined);
  const widths = bounds.map(({ width }) => width);
  const width =
    count.kind === "known"
      ? count.value
      : // A bound below and another above may leave a single remainder.
        isBounded("low") && isBounded("high") && Math.min(...widths) === Infinity
        ? 1
        : Math.min(...widths);
  const length = algebra.max(count, known(1));
  const least = Math.max(1, Math.min(width, divisor));
  return unwound(operand, { period: divisor, first: low, length, least }, tile);
}

/** The runs of keys for which `form` lies in `runs`. */
function unwound<E>(
  form: Linear,
  { period, first, length, least }: FoundRuns<E>,
  tile: Intervals<E>,
): FoundRuns<E> | undefined {
  const { add, subtract, multiply } = tile.algebra;
  const split = splitAtKey(form, tile);
  if (split === undefined) return undefined;
  const { part, rest } = split;
  if (rest.low === undefined || rest.high === undefined) return undefined;
  const moved = {
    first:
      part.coefficient > 0
        ? subtract(first, rest.high)
        : subtract(rest.low, subtract(add(first, length), known(1))),
    length: add(length, subtract(rest.high, rest.low)),
  };
  if (part.atom.kind === "position") return { period, ...moved, least };
  const quotient = byConstant(part, "/");
  if (quotient === undefined) return undefined;
  const divisor = known<E>(quotient.divisor);
  const wider = {
    period: period * quotient.divisor,
    first: multiply(moved.first, divisor),
    length: multiply(moved.length, divisor),
    least: least * quotient.divisor,
  };
  return unwound(quotient.operand, wider, tile);
}

/** The one part of `form` that reads the key position, once or negated, and the range of the rest. */
function splitAtKey<E>(
  form: Linear,
  tile: Intervals<E>,
): { readonly part: LinearPart; readonly rest: Range<Folded<E>> } | undefined {
  const [part, more] = form.parts.filter((each) => readsPosition(each.atom, "k"));
  if (part === undefined || more !== undefined || Math.abs(part.coefficient) !== 1)
    return undefined;
  const rest = combine([
    [form, 1],
    [{ constant: 0, parts: [part] }, -1],
  ]);
  return { part, rest: rangeOfLinear(rest, tile) };
}

function negated<E>(
  { low, high }: Range<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  const opposite = (end: Folded<E>): Folded<E> => algebra.subtract(known(0), end);
  return rangeFrom(high && opposite(high), low && opposite(low));
}
