/**
 * Bounds of integers, from which it is proved that an index stays inside its axis. Bounds are sizes,
 * perhaps symbolic; a symbol is a size, so it is never negative.
 */

import { add, asConstant, constant, type Dimension, multiply, subtract } from "../op/dimension.ts";

/** Inclusive bounds; an absent one is unbounded. */
export interface Range {
  readonly low?: Dimension;
  readonly high?: Dimension;
}

const zero = constant(0);
const one = constant(1);

/** The range of one number. */
export function exactly(value: Dimension): Range {
  return { low: value, high: value };
}

/** 0 … `size` - 1: what indexes an axis. */
export function below(size: Dimension): Range {
  return { low: zero, high: subtract(size, one) };
}

/**
 * Whether `size` is at least 0 whenever each of its symbols is at least `least`, as far as its form
 * shows it: negative products must be made up for by positive ones that contain them.
 */
export function isNotNegative(size: Dimension, least: 0 | 1 = 0): boolean {
  const spare = size.terms
    .filter((term) => term.numerator > 0)
    .map((term) => ({ powers: term.powers, left: term.numerator / term.denominator }));
  return size.terms.every((term) => {
    let missing = -term.numerator / term.denominator;
    if (missing <= 0) return true;
    for (const each of spare) {
      const isLarger =
        least === 1 &&
        [...each.powers].every(([factor, power]) => power >= (term.powers.get(factor) ?? 0)) &&
        [...term.powers.keys()].every((factor) => each.powers.has(factor));
      if (!isLarger) continue;
      const taken = Math.min(missing, each.left);
      each.left -= taken;
      missing -= taken;
    }
    return missing <= 0;
  });
}

function bound(value: Dimension | undefined, name: "low" | "high"): Range {
  return value === undefined ? {} : { [name]: value };
}

function both(
  a: Dimension | undefined,
  b: Dimension | undefined,
  of: (a: Dimension, b: Dimension) => Dimension | undefined,
): Dimension | undefined {
  return a === undefined || b === undefined ? undefined : of(a, b);
}

/** The range of a sum. */
export function addRanges(a: Range, b: Range): Range {
  return {
    ...bound(both(a.low, b.low, add), "low"),
    ...bound(both(a.high, b.high, add), "high"),
  };
}

/** The range of a difference. */
export function subtractRanges(a: Range, b: Range): Range {
  return {
    ...bound(both(a.low, b.high, subtract), "low"),
    ...bound(both(a.high, b.low, subtract), "high"),
  };
}

/** The range of a product; known where one side is a constant or neither is negative. */
export function multiplyRanges(a: Range, b: Range): Range {
  const factor = single(b);
  if (factor !== undefined) return scale(a, factor);
  const other = single(a);
  if (other !== undefined) return scale(b, other);
  if (!isAtLeastZero(a) || !isAtLeastZero(b)) return {};
  return { low: zero, ...bound(both(a.high, b.high, multiply), "high") };
}

function scale(range: Range, factor: Dimension): Range {
  const low = both(range.low, factor, multiply);
  const high = both(range.high, factor, multiply);
  if (isNotNegative(factor)) return { ...bound(low, "low"), ...bound(high, "high") };
  if ((asConstant(factor) ?? 0) < 0) return { ...bound(high, "low"), ...bound(low, "high") };
  return {};
}

function single(range: Range): Dimension | undefined {
  return range.low !== undefined && range.low.key === range.high?.key ? range.low : undefined;
}

function isAtLeastZero(range: Range): boolean {
  return range.low !== undefined && isNotNegative(range.low);
}

/** The range of floor division by a positive constant. */
export function floorDivideRanges(a: Range, b: Range): Range {
  const divisor = constantOf(single(b));
  if (divisor === undefined || divisor <= 0) return {};
  const low = constantOf(a.low);
  const high = constantOf(a.high);
  const floor = (value: number): Dimension => constant(Math.floor(value / divisor));
  // Division by a positive number moves a bound towards zero only, so a symbolic one still holds.
  return {
    ...bound(low === undefined ? (isAtLeastZero(a) ? zero : undefined) : floor(low), "low"),
    ...bound(high === undefined ? (isAtLeastZero(a) ? a.high : undefined) : floor(high), "high"),
  };
}

/** The range of the remainder by a positive number: 0 … b - 1. */
export function remainderRange(b: Range): Range {
  const divisor = single(b);
  // A symbolic divisor that is never negative is at least 1 wherever there is a remainder at all.
  if (divisor === undefined || divisor.key === "0" || !isNotNegative(divisor)) return {};
  return below(divisor);
}

/** The range of `min(a, b)`. */
export function minRanges(a: Range, b: Range): Range {
  return {
    ...bound(both(a.low, b.low, smaller), "low"),
    ...bound(tighter(a.high, b.high, smaller), "high"),
  };
}

/** The range of `max(a, b)`. */
export function maxRanges(a: Range, b: Range): Range {
  return {
    ...bound(tighter(a.low, b.low, larger), "low"),
    ...bound(both(a.high, b.high, larger), "high"),
  };
}

/** A range that holds both, as after `where`. */
export function unionRanges(a: Range, b: Range): Range {
  return {
    ...bound(both(a.low, b.low, smaller), "low"),
    ...bound(both(a.high, b.high, larger), "high"),
  };
}

function tighter(
  a: Dimension | undefined,
  b: Dimension | undefined,
  of: (a: Dimension, b: Dimension) => Dimension | undefined,
): Dimension | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  // Both bounds hold; where they cannot be compared, either one may be kept.
  return of(a, b) ?? b;
}

function smaller(a: Dimension, b: Dimension): Dimension | undefined {
  if (isNotNegative(subtract(b, a))) return a;
  return isNotNegative(subtract(a, b)) ? b : undefined;
}

function larger(a: Dimension, b: Dimension): Dimension | undefined {
  const least = smaller(a, b);
  return least === undefined ? undefined : least === a ? b : a;
}

function constantOf(size: Dimension | undefined): number | undefined {
  return size === undefined ? undefined : asConstant(size);
}
