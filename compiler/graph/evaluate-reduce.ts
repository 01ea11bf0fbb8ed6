/** Reductions, running sums and contractions: plain loops, in the order of the stored elements. */

import { unreachable } from "../../grammar/invariant.ts";
import type { OpOf, ReduceFunction } from "../op/op.ts";
import type { Element, TensorType } from "../op/type.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { align, countOf, extentOf, type NamedTensor, permuted } from "./tensor.ts";

/** `x` with the axes of `over` last: so many rows of so many numbers each. */
export interface Rows {
  readonly data: Float64Array;
  readonly count: number;
  readonly length: number;
}

/** Lays `x` out so that what is reduced together is adjacent. */
export function rowsOver(x: NamedTensor, over: readonly string[]): Rows {
  const kept = x.axes.filter((axis) => !over.includes(axis));
  const reduced = x.axes.filter((axis) => over.includes(axis));
  const extents = (axes: readonly string[]): number[] => axes.map((axis) => extentOf(x, axis));
  const data = align(x, [...kept, ...reduced], extents([...kept, ...reduced]));
  return { data, count: countOf(extents(kept)), length: countOf(extents(reduced)) };
}

/** The definition of `reduce`. */
export function evaluateReduce(
  op: OpOf<"reduce">,
  x: NamedTensor,
  context: EvaluateContext,
): Float64Array {
  const { data, count, length } = rowsOver(x, op.over);
  const result = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const numbers = data.subarray(row * length, (row + 1) * length);
    result[row] = reduceRow(op.fn, numbers, x.element, context);
  }
  return result;
}

function reduceRow(
  fn: ReduceFunction,
  numbers: Float64Array,
  element: Element,
  context: EvaluateContext,
): number {
  switch (fn) {
    case "sum":
      return element === "int" ? sumInt(numbers) : sum(numbers, context.single);
    case "mean":
      if (numbers.length === 0) return 0;
      return context.round(sum(numbers, context.single) / numbers.length);
    case "max":
      return extreme(numbers, Math.max, element === "int" ? -(2 ** 31) : Number.NEGATIVE_INFINITY);
    case "min":
      return extreme(numbers, Math.min, element === "int" ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY);
    case "argmax":
      return argmax(numbers);
    case "greedy":
      return greedy(numbers);
    default:
      return unreachable(fn);
  }
}

function sum(numbers: Float64Array, single: boolean): number {
  let total = 0;
  if (single) for (const x of numbers) total = Math.fround(total + x);
  else for (const x of numbers) total += x;
  return total;
}

function sumInt(numbers: Float64Array): number {
  let total = 0;
  for (const x of numbers) total = (total + x) | 0;
  return total;
}

function extreme(
  numbers: Float64Array,
  f: (a: number, b: number) => number,
  empty: number,
): number {
  let best = empty;
  for (const x of numbers) best = f(best, x);
  return best;
}

function argmax(numbers: Float64Array): number {
  let best = 0;
  for (let i = 1; i < numbers.length; i++) if ((numbers[i] ?? 0) > (numbers[best] ?? 0)) best = i;
  return best;
}

function greedy(numbers: Float64Array): number {
  if (numbers.some(Number.isNaN)) return -1;
  const best = argmax(numbers);
  return (numbers[best] ?? Number.NEGATIVE_INFINITY) > Number.NEGATIVE_INFINITY ? best : -1;
}

/** The definition of `cumulative`: in the layout of `x`. */
export function evaluateCumulative(
  op: OpOf<"cumulative">,
  x: NamedTensor,
  context: EvaluateContext,
): Float64Array {
  const size = extentOf(x, op.axis);
  const inner = countOf(x.shape.slice(x.axes.indexOf(op.axis) + 1));
  const add = x.element === "int" ? (a: number, b: number) => (a + b) | 0 : plus(context);
  const result = x.data.slice();
  for (let at = 0; at < result.length; at++) {
    if (Math.floor(at / inner) % size === 0) continue;
    result[at] = add(result[at - inner] ?? 0, result[at] ?? 0);
  }
  return result;
}

function plus(context: EvaluateContext): (a: number, b: number) => number {
  return (a, b) => context.round(a + b);
}

/** How the axes of a contraction fall into groups; each list is in storage order. */
export interface ContractionAxes {
  readonly batch: readonly string[];
  readonly left: readonly string[];
  readonly right: readonly string[];
  readonly over: readonly string[];
}

/** Batch axes both sides have, those of one side only, and those summed over. */
export function contractionAxes(
  op: OpOf<"contract">,
  left: Pick<TensorType, "axes">,
  right: Pick<TensorType, "axes">,
): ContractionAxes {
  const over = left.axes.filter((axis) => op.over.includes(axis));
  const kept = left.axes.filter((axis) => !op.over.includes(axis));
  return {
    over,
    batch: kept.filter((axis) => right.axes.includes(axis)),
    left: kept.filter((axis) => !right.axes.includes(axis)),
    right: right.axes.filter((axis) => !left.axes.includes(axis)),
  };
}

/** The definition of `contract`: a sum of products for each result, in storage order of the left. */
export function evaluateContract(
  op: OpOf<"contract">,
  left: NamedTensor,
  right: NamedTensor,
  wanted: readonly string[],
  context: EvaluateContext,
): Float64Array {
  const axes = contractionAxes(op, left, right);
  const extents = (x: NamedTensor, names: readonly string[]): number[] =>
    names.map((axis) => extentOf(x, axis));
  const [batchShape, overShape] = [extents(left, axes.batch), extents(left, axes.over)];
  const [leftShape, rightShape] = [extents(left, axes.left), extents(right, axes.right)];
  const a = align(
    left,
    [...axes.batch, ...axes.left, ...axes.over],
    [...batchShape, ...leftShape, ...overShape],
  );
  const b = align(
    right,
    [...axes.batch, ...axes.right, ...axes.over],
    [...batchShape, ...rightShape, ...overShape],
  );
  const sizes = {
    batch: countOf(batchShape),
    rows: countOf(leftShape),
    columns: countOf(rightShape),
    length: countOf(overShape),
  };
  const product = products(a, b, sizes, context.single ? dotSingle : dotDouble);
  return permuted(
    product,
    [...axes.batch, ...axes.left, ...axes.right],
    [...batchShape, ...leftShape, ...rightShape],
    wanted,
  );
}

interface ProductSizes {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly length: number;
}

/** All dot products of rows of `a` with rows of `b`, within each batch. */
function products(
  a: Float64Array,
  b: Float64Array,
  { batch, rows, columns, length }: ProductSizes,
  dot: DotProduct,
): Float64Array {
  const result = new Float64Array(batch * rows * columns);
  let at = 0;
  for (let row = 0; row < batch * rows; row++) {
    const group = Math.floor(row / rows) * columns * length;
    for (let column = 0; column < columns; column++) {
      result[at++] = dot(a, row * length, b, group + column * length, length);
    }
  }
  return result;
}

/** The dot product of `length` numbers of `a` and `b`, from `from` and `other` on. */
type DotProduct = (
  a: Float64Array,
  from: number,
  b: Float64Array,
  other: number,
  length: number,
) => number;

const dotDouble: DotProduct = (a, from, b, other, length) => {
  let total = 0;
  for (let i = 0; i < length; i++) total += (a[from + i] ?? 0) * (b[other + i] ?? 0);
  return total;
};

/** As `dotDouble`, with each product and each sum rounded to float32. */
const dotSingle: DotProduct = (a, from, b, other, length) => {
  let total = 0;
  for (let i = 0; i < length; i++) {
    const product = Math.fround((a[from + i] ?? 0) * (b[other + i] ?? 0));
    total = Math.fround(total + product);
  }
  return total;
};
