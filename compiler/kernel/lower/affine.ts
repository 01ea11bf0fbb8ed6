/**
 * Index arithmetic that knows its shape: a sum of digits of loop variables, times sizes.
 *
 * A digit is `floor(base / divisor) mod modulus`. Flattening several axes into one loop variable and
 * taking them apart again therefore cancels, and what is left is what the memory layout really asks
 * for. Everything that is no digit (a token, a rounded quotient) is an opaque term.
 */

import { invariant } from "../../../grammar/invariant.ts";
import {
  add,
  asConstant,
  constant,
  type Dimension,
  divide,
  equalDimensions,
  multiply,
  sumOf,
} from "../../op/dimension.ts";
import type { Expr } from "../kernel.ts";

/** A loop variable (or other i32 expression that is not negative) and how many values it takes. */
export interface Base {
  readonly key: string;
  readonly expr: Expr;
  /** It is less than this. */
  readonly extent?: Dimension;
  /** Where it is `high · modulus + low`: its digits are then those of its parts. */
  readonly parts?: { readonly high: Expr; readonly low: Expr; readonly modulus: number };
}

interface Digit {
  readonly base: Base;
  readonly divisor: Dimension;
  /** Absent where `floor(base / divisor)` is the digit. */
  readonly modulus?: Dimension;
}

interface Summand {
  readonly digit: Digit;
  readonly coefficient: Dimension;
}

/** `offset + Σ coefficient · digit`. */
export interface Affine {
  readonly summands: ReadonlyMap<string, Summand>;
  readonly offset: Dimension;
}

const one = constant(1);
const zero = constant(0);

/** The variable itself. */
export function affineOf(base: Base): Affine {
  return sum([{ digit: { base, divisor: one }, coefficient: one }], zero);
}

/** A size as an index that does not depend on any variable. */
export function fixed(offset: Dimension): Affine {
  return { summands: new Map(), offset };
}

/** `a + b`. */
export function plus(a: Affine, b: Affine): Affine {
  return sum([...a.summands.values(), ...b.summands.values()], add(a.offset, b.offset));
}

/** `a · factor`. */
export function times(a: Affine, factor: Dimension): Affine {
  const scaled = [...a.summands.values()].map((each) => ({
    digit: each.digit,
    coefficient: multiply(each.coefficient, factor),
  }));
  return sum(scaled, multiply(a.offset, factor));
}

/**
 * `floor(a / n)` and `a mod n`. `opaque` makes a base of an expression where the digits of `a` do
 * not line up with `n`.
 */
export function divideBy(
  a: Affine,
  n: Dimension,
  opaque: (kind: "quotient" | "remainder", a: Affine, n: Dimension) => Base,
): { readonly quotient: Affine; readonly remainder: Affine } {
  if (equalDimensions(n, one)) return { quotient: a, remainder: fixed(zero) };
  const parts = [...a.summands.values()];
  const whole = parts.filter((each) => divides(n, each.coefficient));
  const rest = parts.filter((each) => !divides(n, each.coefficient));
  const wholeOffset = divides(n, a.offset) ? a.offset : zero;
  const restOffset = divides(n, a.offset) ? zero : a.offset;
  const above = sum(
    whole.map((each) => ({ ...each, coefficient: divide(each.coefficient, n) })),
    divide(wholeOffset, n),
  );
  const below = sum(rest, restOffset);
  if (isBelow(below, n)) return { quotient: above, remainder: below };
  const digit = onlyDigit(below);
  if (digit !== undefined) {
    const split = splitDigit(digit, n);
    if (split !== undefined) return { quotient: plus(above, split.high), remainder: split.low };
  }
  return {
    quotient: plus(above, affineOf(opaque("quotient", below, n))),
    remainder: affineOf(opaque("remainder", below, n)),
  };
}

/** Whether `n` divides `size` for all values of their symbols. */
export function divides(n: Dimension, size: Dimension): boolean {
  const ratio = divide(size, n);
  return ratio.terms.every(
    (term) =>
      term.denominator === 1 &&
      [...term.powers].every(([factor, power]) => power > 0 && !factor.startsWith("(")),
  );
}

/** The expression that computes `a`; `size` gives the expression of a size. */
export function emitAffine(
  a: Affine,
  size: (dimension: Dimension) => Expr,
  arithmetic: Arithmetic,
): Expr {
  let total: Expr | undefined;
  const terms = [...a.summands.values()];
  for (const { digit, coefficient } of terms) {
    const value = arithmetic.multiply(emitDigit(digit, size, arithmetic), size(coefficient));
    total = total === undefined ? value : arithmetic.add(total, value);
  }
  if (total === undefined) return size(a.offset);
  return equalDimensions(a.offset, zero) ? total : arithmetic.add(total, size(a.offset));
}

/** The i32 arithmetic of the kernel builder. */
export interface Arithmetic {
  readonly add: (a: Expr, b: Expr) => Expr;
  readonly multiply: (a: Expr, b: Expr) => Expr;
  readonly quotient: (a: Expr, b: Expr) => Expr;
  readonly remainder: (a: Expr, b: Expr) => Expr;
}

function emitDigit(digit: Digit, size: (d: Dimension) => Expr, arithmetic: Arithmetic): Expr {
  const known = digitOfParts(digit, size, arithmetic);
  if (known !== undefined) return known;
  const shifted = equalDimensions(digit.divisor, one)
    ? digit.base.expr
    : arithmetic.quotient(digit.base.expr, size(digit.divisor));
  return digit.modulus === undefined ? shifted : arithmetic.remainder(shifted, size(digit.modulus));
}

/**
 * A digit of a base with parts, where divisor and modulus line up with them: lanes along the low part
 * then stay next to each other, however the index is split.
 */
function digitOfParts(
  { base: { parts }, divisor, modulus }: Digit,
  size: (d: Dimension) => Expr,
  arithmetic: Arithmetic,
): Expr | undefined {
  if (parts === undefined) return undefined;
  const { high, low } = parts;
  const whole = constant(parts.modulus);
  const { add: plusOf, multiply: timesOf, quotient, remainder } = arithmetic;
  const over = (a: Expr, n: Dimension): Expr =>
    equalDimensions(n, one) ? a : quotient(a, size(n));
  if (divides(whole, divisor)) {
    const shifted = over(high, divide(divisor, whole));
    return modulus === undefined ? shifted : remainder(shifted, size(modulus));
  }
  if (!divides(divisor, whole)) return undefined;
  const rest = over(low, divisor);
  const count = divide(whole, divisor);
  if (modulus === undefined) return plusOf(timesOf(high, size(count)), rest);
  if (equalDimensions(modulus, count)) return rest;
  if (divides(modulus, count)) return remainder(rest, size(modulus));
  if (!divides(count, modulus)) return undefined;
  const above = remainder(high, size(divide(modulus, count)));
  return plusOf(timesOf(above, size(count)), rest);
}

function onlyDigit(a: Affine): Digit | undefined {
  const [first, second] = a.summands.values();
  if (first === undefined || second !== undefined || !equalDimensions(a.offset, zero)) return;
  return equalDimensions(first.coefficient, one) ? first.digit : undefined;
}

function splitDigit(digit: Digit, n: Dimension): { high: Affine; low: Affine } | undefined {
  const { modulus } = digit;
  if (modulus !== undefined && !divides(n, modulus)) return undefined;
  const high = {
    base: digit.base,
    divisor: multiply(digit.divisor, n),
    ...(modulus === undefined ? {} : { modulus: divide(modulus, n) }),
  };
  const low = { base: digit.base, divisor: digit.divisor, modulus: n };
  return {
    high: sum([{ digit: high, coefficient: one }], zero),
    low: sum([{ digit: low, coefficient: one }], zero),
  };
}

/** Whether `0 <= a < n` certainly holds. */
function isBelow(a: Affine, n: Dimension): boolean {
  if (a.summands.size === 0 && equalDimensions(a.offset, zero)) return true;
  let largest = asConstant(a.offset);
  const limit = asConstant(n);
  if (limit === undefined) {
    const digit = onlyDigit(a);
    if (digit === undefined) return false;
    const extent = extentOf(digit);
    return extent !== undefined && equalDimensions(extent, n);
  }
  for (const { digit, coefficient } of a.summands.values()) {
    const extent = extentOf(digit);
    const values = extent === undefined ? undefined : asConstant(extent);
    const step = asConstant(coefficient);
    if (values === undefined || step === undefined || step < 0 || largest === undefined) {
      return false;
    }
    largest += step * (values - 1);
  }
  return largest !== undefined && largest >= 0 && largest < limit;
}

function extentOf(digit: Digit): Dimension | undefined {
  if (digit.modulus !== undefined) return digit.modulus;
  const { extent } = digit.base;
  return extent !== undefined && divides(digit.divisor, extent)
    ? divide(extent, digit.divisor)
    : undefined;
}

function keyOf(digit: Digit): string {
  return `${digit.base.key}/${digit.divisor.key}%${digit.modulus?.key ?? ""}`;
}

/** Drops a modulus that the base's extent implies, and a digit that is always 0. */
function tidy(digit: Digit): Digit | undefined {
  const { modulus, divisor, base } = digit;
  if (modulus !== undefined && equalDimensions(modulus, one)) return undefined;
  if (base.extent !== undefined && equalDimensions(base.extent, divisor)) return undefined;
  if (modulus === undefined || base.extent === undefined) return digit;
  return equalDimensions(multiply(divisor, modulus), base.extent) ? { base, divisor } : digit;
}

function sum(parts: readonly Summand[], offset: Dimension): Affine {
  const summands = new Map<string, Summand>();
  for (const part of parts) {
    const digit = tidy(part.digit);
    if (digit === undefined) continue;
    const key = keyOf(digit);
    const before = summands.get(key);
    const coefficient =
      before === undefined ? part.coefficient : sumOf([before.coefficient, part.coefficient]);
    if (equalDimensions(coefficient, zero)) summands.delete(key);
    else summands.set(key, { digit, coefficient });
  }
  return { summands: recombine(summands), offset };
}

/** `floor(b / dn) · cn + (floor(b / d) mod n) · c` is `floor(b / d) · c`, until nothing combines. */
function recombine(summands: Map<string, Summand>): ReadonlyMap<string, Summand> {
  for (;;) {
    const found = findPair([...summands.values()]);
    if (found === undefined) return summands;
    const { high, low, digit } = found;
    summands.delete(keyOf(high.digit));
    summands.delete(keyOf(low.digit));
    const tidied = tidy(digit);
    invariant(tidied !== undefined, "two digits combined to nothing");
    const key = keyOf(tidied);
    const before = summands.get(key);
    const coefficient =
      before === undefined ? low.coefficient : add(before.coefficient, low.coefficient);
    if (equalDimensions(coefficient, zero)) summands.delete(key);
    else summands.set(key, { digit: tidied, coefficient });
  }
}

function findPair(
  all: readonly Summand[],
): { high: Summand; low: Summand; digit: Digit } | undefined {
  for (const low of all) {
    const n = low.digit.modulus;
    if (n === undefined) continue;
    const high = all.find(
      (each) =>
        each.digit.base.key === low.digit.base.key &&
        equalDimensions(each.digit.divisor, multiply(low.digit.divisor, n)) &&
        equalDimensions(each.coefficient, multiply(low.coefficient, n)),
    );
    if (high === undefined) continue;
    const { base, divisor } = low.digit;
    const modulus = high.digit.modulus;
    const digit =
      modulus === undefined ? { base, divisor } : { base, divisor, modulus: multiply(modulus, n) };
    return { high, low, digit };
  }
  return undefined;
}
