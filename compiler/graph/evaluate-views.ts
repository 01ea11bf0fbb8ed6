/** Operations that only move numbers: renames, reshapes, slices, selections, joins. */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import type { OpOf } from "../op/op.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import {
  align,
  countOf,
  extentOf,
  type NamedTensor,
  offsetsOf,
  permuted,
  strided,
  strideOf,
} from "./tensor.ts";

/** The numbers of `x` that lie at `offsets`. */
function gather(x: NamedTensor, offsets: Int32Array): Float64Array {
  const result = new Float64Array(offsets.length);
  offsets.forEach((offset, i) => {
    result[i] = x.data[offset] ?? Number.NaN;
  });
  return result;
}

/** The definition of `merge`: a transposition that makes the merged axes adjacent, if they are not. */
export function evaluateMerge(op: OpOf<"merge">, x: NamedTensor): Float64Array {
  const last = x.axes.findLast((axis) => op.axes.includes(axis));
  const order = x.axes.flatMap((axis) => {
    if (axis === last) return op.axes;
    return op.axes.includes(axis) ? [] : [axis];
  });
  return permuted(x.data, x.axes, x.shape, order);
}

/** The definition of `slice`. */
export function evaluateSlice(
  op: OpOf<"slice">,
  x: NamedTensor,
  context: EvaluateContext,
): Float64Array {
  const start = context.sizeOf(op.start);
  const size = context.extent(op.into);
  invariant(
    start >= 0 && start + size <= extentOf(x, op.axis),
    `the rows ${start} to ${start + size} of ${op.axis}, which has ${extentOf(x, op.axis)}`,
  );
  const tables = x.axes.map((axis, i) => {
    const stride = strideOf(x, axis);
    if (axis !== op.axis) return strided(x.shape[i] ?? 0, stride);
    return strided(size, stride).map((offset) => offset + start * stride);
  });
  return gather(x, offsetsOf(tables));
}

/** The definition of `select`: `axes` and `shape` are the result's. */
export function evaluateSelect(
  op: OpOf<"select">,
  x: NamedTensor,
  index: NamedTensor,
  axes: readonly AxisName[],
  shape: readonly number[],
): Float64Array {
  const size = extentOf(x, op.axis);
  const stride = strideOf(x, op.axis);
  const bases = offsetsOf(
    axes.map((axis, i) => strided(shape[i] ?? 0, axis === op.axis ? 0 : strideOf(x, axis))),
  );
  const chosen = align(index, axes, shape);
  const result = new Float64Array(bases.length);
  for (let i = 0; i < bases.length; i++) {
    const at = chosen[i] ?? 0;
    if (at >= 0 && at < size) result[i] = x.data[(bases[i] ?? 0) + at * stride] ?? Number.NaN;
    else invariant(op.padded, `row ${at} of ${op.axis}, which has ${size}`);
  }
  return result;
}

/** The definition of `join`: `axes` and `shape` are the result's. */
export function evaluateJoin(
  op: OpOf<"join">,
  args: readonly NamedTensor[],
  axes: readonly AxisName[],
  shape: readonly number[],
  context: EvaluateContext,
): Float64Array {
  const at = axes.indexOf(op.into);
  const inner = countOf(shape.slice(at + 1));
  const outer = countOf(shape.slice(0, at));
  const total = (shape[at] ?? 0) * inner;
  const result = new Float64Array(countOf(shape));
  let start = 0;
  op.parts.forEach((part, i) => {
    const arg = args[i];
    invariant(arg !== undefined, "`join` lacks an argument");
    const size = context.extent(part);
    const block = align(arg, axes.with(at, part), shape.with(at, size));
    const length = size * inner;
    for (let row = 0; row < outer; row++)
      result.set(block.subarray(row * length, (row + 1) * length), row * total + start);
    start += length;
  });
  invariant(start === total, `${start} of ${total} joined numbers`);
  return result;
}

/** The definition of `stack`: `axes` and `shape` are the result's. */
export function evaluateStack(
  args: readonly NamedTensor[],
  axes: readonly AxisName[],
  shape: readonly number[],
): Float64Array {
  const result = new Float64Array(countOf(shape));
  const each = countOf(shape.slice(1));
  args.forEach((arg, i) => {
    result.set(align(arg, axes.slice(1), shape.slice(1)), i * each);
  });
  return result;
}
