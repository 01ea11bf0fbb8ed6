/**
 * How far rounding inside one operation can move its result, given exact arguments. This is the
 * ground that tolerances stand on, see `estimate-error.ts`.
 *
 * Model. Every elementary step gives its exact result times (1 + δ), |δ| ≤ u, and the δ of different
 * steps are independent with mean 0 (Higham and Mary 2019). The scale of an operation is then the
 * root of the sum of its squared step errors: a sub-Gaussian scale of the whole error.
 *
 * Sums may be taken in any order that does not depend on the numbers. A partial sum of i of n
 * numbers chosen without looking has a mean square of at most (i/n) Q + (i/n)² S², with Q the sum of
 * squares and S the sum, so n roundings together have the scale u √(n Q / 2 + n S² / 3); trees and
 * blocks, which round less often, and fused multiply-add are covered. Rounded products add u √Q.
 *
 * Functions are as imprecise as the weakest target promises (WGSL section 15.7.4, in units of u =
 * half an ulp), or as the compiler's own expansions are built to be (sin, cos, erf, tanh).
 */

import { applyTable, type OpOf, type OpTable, type UnaryFunction } from "../op/op.ts";
import { sigmoid } from "../op/special.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { evaluateContract, rowsOver } from "./evaluate-reduce.ts";
import type { Node } from "./graph.ts";
import { attendRounding } from "./rounding-attend.ts";
import { align, countOf, extentOf, type NamedTensor } from "./tensor.ts";

/** Half the spacing of float32 numbers at 1: the unit of rounding. */
export const float32Unit: number = 2 ** -24;

/** What the scale of a node's rounding is computed from. */
export interface RoundingArguments {
  readonly args: readonly NamedTensor[];
  /** The exact result, in the layout of the node. */
  readonly value: NamedTensor;
  readonly context: EvaluateContext;
}

/** For each number of the result the scale of its rounding in units of u; undefined if exact. */
export function roundingOf(node: Node, rounding: RoundingArguments): Float64Array | undefined {
  if (node.type.element !== "float") return undefined;
  return applyTable(table, node.op, rounding);
}

const exact = (): undefined => undefined;

const table: OpTable<[RoundingArguments], Float64Array | undefined> = {
  input: exact,
  weight: exact,
  constant: (_, { value }) => relative(value, 1),
  table: (_, { value }) => relative(value, 1),
  size: exact,
  index: exact,
  measure: exact,
  map: mapRounding,
  reduce: (op, { args, value }) => {
    const [x] = args;
    if (x === undefined || (op.fn !== "sum" && op.fn !== "mean")) return undefined;
    const rows = rowsOver(x, op.over);
    const divisor = op.fn === "mean" ? Math.max(1, rows.length) : 1;
    return value.data.map((mean, row) => {
      const numbers = rows.data.subarray(row * rows.length, (row + 1) * rows.length);
      const summed = sumRounding(rows.length, squares(numbers), mean * divisor) / divisor;
      return Math.hypot(summed, op.fn === "mean" ? divideUnits * mean : 0);
    });
  },
  cumulative: cumulativeRounding,
  contract: (op, { args, value, context }) => {
    const [left, right] = args;
    if (left === undefined || right === undefined) return undefined;
    const length = countOf(op.over.map((axis) => extentOf(left, axis)));
    const double = { ...context, single: false };
    const sums = evaluateContract(op, squared(left), squared(right), value.axes, double);
    return value.data.map((sum, i) => {
      const square = sums[i] ?? 0;
      return Math.hypot(sumRounding(length, square, sum), Math.sqrt(square));
    });
  },
  rename: exact,
  split: exact,
  merge: exact,
  slice: exact,
  select: exact,
  join: exact,
  stack: exact,
  attend: (op, { args, value, context }) => attendRounding(op, args, value.axes, context),
  top: exact,
  sort: exact,
  state: exact,
  append: exact,
};

/** The scale of summing `count` numbers with this sum of squares and this sum, in units of u. */
export function sumRounding(count: number, square: number, sum: number): number {
  return Math.sqrt((count * square) / 2 + (count * sum * sum) / 3);
}

/** A quotient is within 2.5 ulp. */
export const divideUnits = 5;

/** e^x is within 3 + 2 |x| ulp: the scale relative to the result. */
export function expUnits(x: number): number {
  return 6 + 4 * Math.abs(x);
}

function relative(value: NamedTensor, units: number): Float64Array {
  return value.data.map((y) => units * Math.abs(y));
}

function squared(x: NamedTensor): NamedTensor {
  return { ...x, data: x.data.map((each) => each * each) };
}

function squares(numbers: Float64Array): number {
  return numbers.reduce((sum, x) => sum + x * x, 0);
}

function cumulativeRounding(
  op: OpOf<"cumulative">,
  { args, value }: RoundingArguments,
): Float64Array | undefined {
  const [x] = args;
  if (x === undefined) return undefined;
  const size = extentOf(x, op.axis);
  const inner = countOf(x.shape.slice(x.axes.indexOf(op.axis) + 1));
  const running = new Float64Array(value.data.length);
  return value.data.map((sum, at) => {
    const place = Math.floor(at / inner) % size;
    const own = (x.data[at] ?? 0) ** 2;
    running[at] = own + (place === 0 ? 0 : (running[at - inner] ?? 0));
    return sumRounding(place, running[at] ?? 0, sum);
  });
}

function mapRounding(
  op: OpOf<"map">,
  { args, value }: RoundingArguments,
): Float64Array | undefined {
  const { fn } = op;
  switch (fn) {
    case "add":
    case "subtract":
    case "multiply":
      return relative(value, 1);
    case "divide":
      return relative(value, divideUnits);
    case "min":
    case "max":
    case "where":
    case "equal":
    case "not_equal":
    case "less":
    case "less_equal":
    case "and":
    case "or":
    case "floor_divide":
    case "remainder":
      return undefined;
    default: {
      const [x] = args;
      const units = unary[fn];
      if (x === undefined || units === undefined) return undefined;
      const operand = align(x, value.axes, value.shape);
      return value.data.map((y, i) => units(operand[i] ?? 0, y));
    }
  }
}

/** The scale of a function's error at x, where it is y; functions that are exact are absent. */
const unary: Partial<Readonly<Record<UnaryFunction, (x: number, y: number) => number>>> = {
  exp: (x, y) => expUnits(x) * Math.abs(y),
  // Within 2^-21 absolutely around 1, within 3 ulp elsewhere.
  log: (_, y) => 8 + 6 * Math.abs(y),
  sqrt: (_, y) => 5 * Math.abs(y),
  rsqrt: (_, y) => 4 * Math.abs(y),
  tanh: (_, y) => 10 * Math.abs(y),
  sigmoid: (x) => sigmoidUnits(x),
  silu: (x, y) => Math.abs(x) * sigmoidUnits(x) + Math.abs(y),
  quick_gelu: (x, y) => Math.abs(x) * sigmoidUnits(1.702 * x) + Math.abs(y),
  gelu: (x) => 4 * Math.abs(x),
  gelu_tanh: (x) => 10 * Math.abs(x),
  erf: () => 4,
  sin: () => 4,
  cos: () => 4,
  // Absolute 6.77e-5.
  acos: () => 1136,
  float: (x, y) => (Math.fround(x) === x ? 0 : Math.abs(y)),
};

/** 1 / (1 + e^-x): the exponential, then a sum and a quotient; of infinities it is exact. */
function sigmoidUnits(x: number): number {
  if (!Number.isFinite(x)) return 0;
  const y = sigmoid(x);
  return expUnits(x) * y * (1 - y) + (1 + divideUnits) * y;
}
