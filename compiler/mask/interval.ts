/**
 * Interval arithmetic: from the ranges of positions and data, the range of a term. Sound for every
 * term; exact for a sum of distinct atoms whose ranges are attained independently of each other.
 */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import type { Side, Term } from "../op/predicate.ts";
import { showTerm } from "../op/show-predicate.ts";
import type { Algebra } from "./algebra.ts";
import { type Folded, isKnown, known } from "./fold.ts";
import type { Linear, LinearPart } from "./linear.ts";

/** The smallest and largest value; an absent end is not bounded. */
export interface Range<E> {
  readonly low?: E;
  readonly high?: E;
}

/** The ranges of the atoms of a term. */
export interface AtomRanges<E> {
  readonly q: Range<E>;
  readonly k: Range<E>;
  /** Data use `index`, read at the rows of `side`. */
  data(index: number, side: Side): Range<E>;
  /** A table at these places, where it can be read for all rows at once. */
  table?(index: number, at: readonly TablePlace<E>[]): E | undefined;
  /** What is known besides about the atom with that key. */
  known?(key: string): Range<E>;
}

/** A place along an axis of a table. */
export interface TablePlace<E> {
  readonly axis: string;
  readonly at: E;
}

/** Interval arithmetic over expressions of `algebra`, which folds. */
export interface Intervals<E> {
  readonly algebra: Algebra<Folded<E>>;
  readonly ranges: AtomRanges<Folded<E>>;
}

/** From `low` to `high`, where an absent end is not bounded. */
export function rangeFrom<E>(low: E | undefined, high: E | undefined): Range<E> {
  if (low === undefined) return high === undefined ? {} : { high };
  return high === undefined ? { low } : { low, high };
}

/** The values in both ranges. */
export function intersectRanges<E>(a: Range<E>, b: Range<E>, algebra: Algebra<E>): Range<E> {
  return rangeFrom(both(a.low, b.low, algebra.max), both(a.high, b.high, algebra.min));
}

/** The range of `form`. */
export function rangeOfLinear<E>(form: Linear, intervals: Intervals<E>): Range<Folded<E>> {
  const { algebra } = intervals;
  let low: Folded<E> | undefined = known(form.constant);
  let high: Folded<E> | undefined = known(form.constant);
  for (const part of form.parts) {
    if (low === undefined && high === undefined) break;
    const { coefficient } = part;
    const range = rangeOfAtom(part, intervals);
    const [least, most] = coefficient > 0 ? [range.low, range.high] : [range.high, range.low];
    low = addMultiple(low, least, coefficient, algebra);
    high = addMultiple(high, most, coefficient, algebra);
  }
  return rangeFrom(low, high);
}

function rangeOfAtom<E>(part: LinearPart, intervals: Intervals<E>): Range<Folded<E>> {
  const { algebra, ranges } = intervals;
  const own = ownRange(part, intervals);
  return ranges.known === undefined ? own : intersectRanges(own, ranges.known(part.key), algebra);
}

function ownRange<E>({ atom, operands }: LinearPart, intervals: Intervals<E>): Range<Folded<E>> {
  const { algebra, ranges } = intervals;
  const operand = (index: number): Range<Folded<E>> => {
    const form = operands[index];
    invariant(form !== undefined, `mask: the atom ${showTerm(atom)} lacks an operand`);
    return rangeOfLinear(form, intervals);
  };
  switch (atom.kind) {
    case "number":
      return { low: known(atom.value), high: known(atom.value) };
    case "position":
      return ranges[atom.side];
    case "data":
      return ranges.data(atom.index, atom.side);
    case "absolute": {
      const { low, high } = operand(0);
      const mirrored = low && algebra.subtract(known(0), low);
      const least = both(low, high && algebra.subtract(known(0), high), algebra.max);
      return rangeFrom(
        least === undefined ? known<E>(0) : algebra.max(least, known(0)),
        mirrored && high && algebra.max(mirrored, high),
      );
    }
    case "table":
      return tableRange(
        atom,
        atom.at.map((_, index) => operand(index)),
        intervals,
      );
    case "binary": {
      const left = operand(0);
      const right = operand(1);
      switch (atom.operator) {
        case "min":
          return extremes(left, right, algebra.min, "high");
        case "max":
          return extremes(left, right, algebra.max, "low");
        case "*":
          return products(left, right, algebra);
        case "/":
          return quotients(left, right, algebra);
        case "%":
          return remainders(left, right, algebra);
        case "+":
          return sums(left, right, algebra, 1);
        case "-":
          // Only `q - k` comes as an atom, where more is known of it than of its two sides.
          return sums(left, right, algebra, -1);
        default:
          return unreachable(atom.operator);
      }
    }
    default:
      return unreachable(atom);
  }
}

/** A table whose place is the same for all rows has one number; else what it holds at most. */
function tableRange<E>(
  { index, at, truth }: Extract<Term, { kind: "table" }>,
  places: readonly Range<Folded<E>>[],
  { algebra, ranges }: Intervals<E>,
): Range<Folded<E>> {
  const widest: Range<Folded<E>> = truth ? { low: known(0), high: known(1) } : {};
  const first = places.flatMap(({ low }, i): TablePlace<Folded<E>>[] => {
    const axis = at[i]?.axis;
    return low === undefined || axis === undefined ? [] : [{ axis, at: low }];
  });
  const value = first.length === at.length ? ranges.table?.(index, first) : undefined;
  if (value === undefined || widest.low === undefined || widest.high === undefined) return widest;
  const isOne = places.reduce(
    (all, { low, high }) =>
      low === undefined || high === undefined
        ? known<E>(0)
        : algebra.and(all, algebra.equal(low, high)),
    known<E>(1),
  );
  return {
    low: algebra.select(isOne, value, widest.low),
    high: algebra.select(isOne, value, widest.high),
  };
}

/** The range of `left + sign * right`. */
function sums<E>(
  left: Range<Folded<E>>,
  right: Range<Folded<E>>,
  algebra: Algebra<Folded<E>>,
  sign: 1 | -1,
): Range<Folded<E>> {
  const [least, most] = sign > 0 ? [right.low, right.high] : [right.high, right.low];
  return rangeFrom(
    addMultiple(left.low, least, sign, algebra),
    addMultiple(left.high, most, sign, algebra),
  );
}

/** `min` is bounded above by either operand, `max` below: `either` is that end. */
function extremes<E>(
  left: Range<E>,
  right: Range<E>,
  choose: (a: E, b: E) => E,
  either: "low" | "high",
): Range<E> {
  const low = both(left.low, right.low, choose, either === "low");
  const high = both(left.high, right.high, choose, either === "high");
  return rangeFrom(low, high);
}

function products<E>(
  left: Range<Folded<E>>,
  right: Range<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  if (isAtLeast(left.low, 0) && isAtLeast(right.low, 0))
    return rangeFrom(
      left.low && right.low && algebra.multiply(left.low, right.low),
      left.high && right.high && algebra.multiply(left.high, right.high),
    );
  return corners(left, right, algebra.multiply, algebra);
}

function quotients<E>(
  left: Range<Folded<E>>,
  right: Range<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  const divisor = onlyValue(right);
  if (divisor?.kind === "known" && divisor.value > 0)
    return rangeFrom(
      left.low && algebra.floorDivide(left.low, divisor),
      left.high && algebra.floorDivide(left.high, divisor),
    );
  // Rounding down is monotone, so for divisors of one sign the extremes are at the corners. An
  // empty range of divisors may end below 1, and must not be divided by even so.
  if (right.low !== undefined && isAtLeast(right.low, 1)) {
    const high = right.high && algebra.max(right.low, right.high);
    return corners(left, rangeFrom(right.low, high), algebra.floorDivide, algebra);
  }
  return magnitudes(left, algebra);
}

/** No quotient of integers is further from 0 than the dividend, whatever the divisor. */
function magnitudes<E>(
  { low, high }: Range<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  if (low === undefined || high === undefined) return {};
  const zero = known<E>(0);
  return {
    low: algebra.min(low, algebra.subtract(zero, high)),
    high: algebra.max(high, algebra.subtract(zero, low)),
  };
}

function remainders<E>(
  left: Range<Folded<E>>,
  right: Range<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  const zero = known<E>(0);
  const one = known<E>(1);
  const last = right.high && algebra.subtract(right.high, one);
  const divisor = onlyValue(right);
  if (divisor?.kind !== "known" || divisor.value <= 0) {
    // The sign of a remainder is the divisor's, and its magnitude is smaller; 0 if that is 0.
    const first = right.low && algebra.add(right.low, one);
    return rangeFrom(first && algebra.min(first, zero), last && algebra.max(last, zero));
  }
  const full = rangeFrom<Folded<E>>(zero, last);
  if (left.low === undefined || left.high === undefined) return full;
  const turn = algebra.floorDivide(left.low, divisor);
  const oneTurn = algebra.equal(turn, algebra.floorDivide(left.high, divisor));
  return rangeFrom(
    algebra.select(oneTurn, algebra.remainder(left.low, divisor), zero),
    last && algebra.select(oneTurn, algebra.remainder(left.high, divisor), last),
  );
}

function corners<E>(
  left: Range<E>,
  right: Range<E>,
  combine: (a: E, b: E) => E,
  algebra: Algebra<E>,
): Range<E> {
  const { low: a, high: b } = left;
  const { low: c, high: d } = right;
  if (a === undefined || b === undefined || c === undefined || d === undefined) return {};
  const [ac, ad, bc, bd] = [combine(a, c), combine(a, d), combine(b, c), combine(b, d)];
  return {
    low: algebra.min(algebra.min(ac, ad), algebra.min(bc, bd)),
    high: algebra.max(algebra.max(ac, ad), algebra.max(bc, bd)),
  };
}

/** The known value of a range that holds only one. */
function onlyValue<E>({ low, high }: Range<Folded<E>>): Folded<E> | undefined {
  return low?.kind === "known" && high !== undefined && isKnown(high, low.value) ? low : undefined;
}

function isAtLeast<E>(end: Folded<E> | undefined, least: number): boolean {
  return end?.kind === "known" && end.value >= least;
}

/** `combine(a, b)`; with one absent, the other one if `either` suffices, else nothing. */
function both<E>(
  a: E | undefined,
  b: E | undefined,
  combine: (a: E, b: E) => E,
  either = true,
): E | undefined {
  if (a === undefined || b === undefined) return either ? (a ?? b) : undefined;
  return combine(a, b);
}

function addMultiple<E>(
  sum: Folded<E> | undefined,
  end: Folded<E> | undefined,
  coefficient: number,
  algebra: Algebra<Folded<E>>,
): Folded<E> | undefined {
  if (sum === undefined || end === undefined) return undefined;
  return coefficient < 0
    ? algebra.subtract(sum, algebra.multiply(known(-coefficient), end))
    : isKnown(sum, 0)
      ? algebra.multiply(known(coefficient), end)
      : algebra.add(algebra.multiply(known(coefficient), end), sum);
}
