/**
 * What the operators and functions of kernel IR mean for single numbers: `build` folds constants
 * with these tables and `evaluate` runs kernels with them, so that both agree by construction.
 *
 * Values are JavaScript numbers: f32 values are rounded by `Math.fround` after every operation, i32
 * values wrap, and bool values are 0 and 1.
 */

import { invariant } from "../../grammar/invariant.ts";
import type { BinaryOperator, CallFunction, ScalarType } from "./kernel.ts";

type Binary = (left: number, right: number) => number;

/** The meaning of each binary operator on f32; those that f32 lacks are absent. */
const binaryOfFloats: Partial<Readonly<Record<BinaryOperator, Binary>>> = {
  add: (left, right) => Math.fround(left + right),
  subtract: (left, right) => Math.fround(left - right),
  multiply: (left, right) => Math.fround(left * right),
  divide: (left, right) => Math.fround(left / right),
};

const binaryOfIntegers: Partial<Readonly<Record<BinaryOperator, Binary>>> = {
  add: (left, right) => (left + right) | 0,
  subtract: (left, right) => (left - right) | 0,
  multiply: (left, right) => Math.imul(left, right),
  quotient: (left, right) => {
    invariant(left >= 0 && right > 0, `quotient(${left}, ${right}) needs a >= 0 and b > 0`);
    return Math.floor(left / right);
  },
  remainder: (left, right) => {
    invariant(left >= 0 && right > 0, `remainder(${left}, ${right}) needs a >= 0 and b > 0`);
    return left % right;
  },
  floor_divide: (left, right) => {
    invariant(right > 0, `floor_divide(${left}, ${right}) needs b > 0`);
    return Math.floor(left / right);
  },
  floor_remainder: (left, right) => {
    invariant(right > 0, `floor_remainder(${left}, ${right}) needs b > 0`);
    return left - Math.floor(left / right) * right;
  },
  shift_left: (left, right) => left << right,
  shift_right: (left, right) => left >> right,
  bit_and: (left, right) => left & right,
  bit_or: (left, right) => left | right,
};

const comparisons: Partial<Readonly<Record<BinaryOperator, Binary>>> = {
  equal: (left, right) => Number(left === right),
  not_equal: (left, right) => Number(left !== right),
  less: (left, right) => Number(left < right),
  less_equal: (left, right) => Number(left <= right),
};

const binaryOfBooleans: Partial<Readonly<Record<BinaryOperator, Binary>>> = {
  and: (left, right) => left & right,
  or: (left, right) => left | right,
  equal: (left, right) => Number(left === right),
  not_equal: (left, right) => Number(left !== right),
};

const tables: Readonly<Record<ScalarType, Partial<Readonly<Record<BinaryOperator, Binary>>>>> = {
  f32: { ...binaryOfFloats, ...comparisons },
  i32: { ...binaryOfIntegers, ...comparisons },
  bool: binaryOfBooleans,
};

/** The meaning of `operator` on two numbers of type `scalar`, or nothing where there is none. */
export function binaryMeaning(operator: BinaryOperator, scalar: ScalarType): Binary | undefined {
  return tables[scalar][operator];
}

/** The whole number nearest to `value`, ties to even. */
export function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest < 0.5) return down;
  if (rest > 0.5) return down + 1;
  return down % 2 === 0 ? down : down + 1;
}

/**
 * The error function in double precision: its Taylor series for small arguments, the continued
 * fraction of `erfc` (Abramowitz and Stegun 7.1.14) for the others.
 */
export function errorFunction(value: number): number {
  const x = Math.abs(value);
  if (x > 6) return Math.sign(value);
  if (x < 2.5) {
    let term = value;
    let total = value;
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
      term *= (-value * value) / n;
      total += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * total;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.sign(value) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction));
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of the f32 `value` as i32. */
export function bitsOf(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getInt32(0);
}

/** The f32 whose bits are the i32 `bits`. */
export function fromBits(bits: number): number {
  scratch.setInt32(0, bits);
  return scratch.getFloat32(0);
}

const round = Math.fround;

/** The meaning of each function on numbers; the result is rounded once, to f32. */
export const callMeaning: Readonly<Record<CallFunction, (...args: readonly number[]) => number>> = {
  abs: (x = 0) => Math.abs(x),
  min: (a = 0, b = 0) => Math.min(a, b),
  max: (a = 0, b = 0) => Math.max(a, b),
  floor: (x = 0) => Math.floor(x),
  ceil: (x = 0) => Math.ceil(x),
  round_even: (x = 0) => roundEven(x),
  sqrt: (x = 0) => round(Math.sqrt(x)),
  inverse_sqrt: (x = 0) => round(1 / Math.sqrt(x)),
  exp: (x = 0) => round(Math.exp(x)),
  exp2: (x = 0) => round(2 ** x),
  exp2_negative: (x = 0) => round(2 ** x),
  exp2_approximate: (x = 0) => round(2 ** x),
  log: (x = 0) => round(Math.log(x)),
  tanh: (x = 0) => round(Math.tanh(x)),
  sin: (x = 0) => round(Math.sin(x)),
  cos: (x = 0) => round(Math.cos(x)),
  acos: (x = 0) => round(Math.acos(x)),
  erf: (x = 0) => round(errorFunction(x)),
  fma: (a = 0, b = 0, c = 0) => round(a * b + c),
  bits_of: (x = 0) => bitsOf(x),
  from_bits: (x = 0) => fromBits(x),
};

/** A cast between scalar types; f32 to i32 truncates and stops at the ends of i32. */
export function castMeaning(from: ScalarType, to: ScalarType): (value: number) => number {
  if (to === "f32") return Math.fround;
  if (to === "bool") return (value) => Number(value !== 0);
  if (from === "f32") {
    return (value) => Math.max(-2147483648, Math.min(2147483647, Math.trunc(value))) | 0;
  }
  return (value) => value;
}
