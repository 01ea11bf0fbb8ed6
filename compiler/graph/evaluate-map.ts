/** The elementwise functions, on numbers. Ints are 32-bit and wrap; bools are 0 and 1. */

import type { BinaryFunction, MapFunction, UnaryFunction } from "../op/op.ts";
import {
  erf,
  floorDivide,
  floorRemainder,
  gelu,
  geluTanh,
  roundHalfEven,
  sigmoid,
  silu,
} from "../op/special.ts";
import type { Element } from "../op/type.ts";
import { invariant } from "../../grammar/invariant.ts";

/** The functions of one operand. */
export const unaryFunctions: Readonly<Record<UnaryFunction, (x: number) => number>> = {
  negate: (x) => -x,
  not: (x) => 1 - x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  tanh: Math.tanh,
  sigmoid,
  silu,
  gelu,
  gelu_tanh: geluTanh,
  quick_gelu: (x) => (x === Number.NEGATIVE_INFINITY ? 0 : x * sigmoid(1.702 * x)),
  erf,
  relu: (x) => Math.max(x, 0),
  sin: Math.sin,
  cos: Math.cos,
  acos: Math.acos,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  float: (x) => x,
  int: Math.trunc,
};

/** The functions of two operands. */
export const binaryFunctions: Readonly<Record<BinaryFunction, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  floor_divide: floorDivide,
  remainder: floorRemainder,
  min: Math.min,
  max: Math.max,
  equal: (a, b) => (a === b ? 1 : 0),
  not_equal: (a, b) => (a === b ? 0 : 1),
  less: (a, b) => (a < b ? 1 : 0),
  less_equal: (a, b) => (a <= b ? 1 : 0),
  and: (a, b) => a * b,
  or: (a, b) => Math.max(a, b),
};

/** One operand of a map: its numbers, laid out as the result is, or a single one for all. */
export type Operand = Float64Array;

/** Applies `fn` along `count` places; each operand has as many numbers, or one. */
export function applyMap(
  fn: MapFunction,
  element: Element,
  operands: readonly Operand[],
  count: number,
): Float64Array {
  const [a, b, c] = operands;
  invariant(a !== undefined, `\`${fn}\` of nothing`);
  const result = new Float64Array(count);
  if (fn === "where") {
    invariant(b !== undefined && c !== undefined, "`where` lacks a branch");
    const [ka, kb, kc] = [step(a, count), step(b, count), step(c, count)];
    for (let i = 0; i < count; i++) result[i] = (a[i * ka] ? b[i * kb] : c[i * kc]) ?? 0;
    return result;
  }
  if (isUnary(fn)) mapUnary(unaryFunctions[fn], a, result);
  else {
    invariant(b !== undefined, `\`${fn}\` lacks an operand`);
    if (element === "int" && fn === "multiply") mapBinary(Math.imul, a, b, result);
    else mapBinary(binaryFunctions[fn], a, b, result);
  }
  if (element === "int") for (let i = 0; i < count; i++) result[i] = (result[i] ?? 0) | 0;
  return result;
}

function isUnary(fn: MapFunction): fn is UnaryFunction {
  return fn in unaryFunctions;
}

function mapUnary(f: (x: number) => number, a: Operand, result: Float64Array): void {
  const step = a.length === result.length ? 1 : 0;
  for (let i = 0; i < result.length; i++) result[i] = f(a[i * step] ?? 0);
}

function mapBinary(
  f: (a: number, b: number) => number,
  a: Operand,
  b: Operand,
  result: Float64Array,
): void {
  const ka = step(a, result.length);
  const kb = step(b, result.length);
  for (let i = 0; i < result.length; i++) result[i] = f(a[i * ka] ?? 0, b[i * kb] ?? 0);
}

/** 0 where the one number serves all places. */
function step(operand: Operand, count: number): 0 | 1 {
  return operand.length === count ? 1 : 0;
}
