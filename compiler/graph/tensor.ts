/**
 * Tensors of the evaluator: row-major numbers, all as float64 (32-bit ints and bools are exact in
 * it; float32 mode keeps only values that float32 has).
 */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import type { Element } from "../op/type.ts";

/** Numbers as they come from outside. */
export type TensorData =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | readonly number[];

/** A tensor from outside: row-major `data`; bools are 0 and 1. */
export interface Tensor {
  readonly element: Element;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A tensor whose axes have names: what nodes evaluate to. */
export interface NamedTensor extends Tensor {
  readonly axes: readonly AxisName[];
  readonly data: Float64Array;
}

/** The number of elements of a shape. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The distance in `x.data` between neighbours along `axis`; 0 if `x` lacks it and so repeats. */
export function strideOf(x: NamedTensor, axis: AxisName): number {
  const at = x.axes.indexOf(axis);
  return at < 0 ? 0 : countOf(x.shape.slice(at + 1));
}

/** The size of `axis` in `x`, which must have it. */
export function extentOf(x: NamedTensor, axis: AxisName): number {
  const size = x.shape[x.axes.indexOf(axis)];
  invariant(size !== undefined, `a tensor over [${x.axes.join(", ")}] lacks ${axis}`);
  return size;
}

/** For each index of an axis, what it adds to the offset into a tensor. */
export type OffsetTable = Int32Array;

/** The table of an axis of `size` rows that lie `stride` apart. */
export function strided(size: number, stride: number): OffsetTable {
  const table = new Int32Array(size);
  for (let i = 0; i < size; i++) table[i] = i * stride;
  return table;
}

/** The offsets of all multi-indices, row-major: the sums of one entry of each table. */
export function offsetsOf(tables: readonly OffsetTable[]): Int32Array {
  let offsets: Int32Array = new Int32Array(1);
  for (const table of tables) {
    const next = new Int32Array(offsets.length * table.length);
    let at = 0;
    for (const base of offsets) for (const step of table) next[at++] = base + step;
    offsets = next;
  }
  return offsets;
}

/** `x` over exactly `axes` in that order, of these sizes: transposed, and repeated where it lacks one. */
export function align(
  x: NamedTensor,
  axes: readonly AxisName[],
  shape: readonly number[],
): Float64Array {
  if (x.axes.length === axes.length && x.axes.every((axis, i) => axis === axes[i])) return x.data;
  const last = axes.length - 1;
  const inner = shape[last];
  const innerAxis = axes[last];
  if (inner === undefined || innerAxis === undefined) return x.data;
  const outer = offsetsOf(
    axes.slice(0, last).map((axis, i) => strided(shape[i] ?? 0, strideOf(x, axis))),
  );
  const stride = strideOf(x, innerAxis);
  const result = new Float64Array(outer.length * inner);
  let at = 0;
  for (const base of outer) {
    for (let i = 0, from = base; i < inner; i++, from += stride) {
      result[at++] = x.data[from] ?? Number.NaN;
    }
  }
  return result;
}

/** `data` over `axes` in one order, rewritten in the order of `wanted`. */
export function permuted(
  data: Float64Array,
  axes: readonly AxisName[],
  shape: readonly number[],
  wanted: readonly AxisName[],
): Float64Array {
  const x: NamedTensor = { element: "float", axes, shape, data };
  return align(
    x,
    wanted,
    wanted.map((axis) => extentOf(x, axis)),
  );
}
