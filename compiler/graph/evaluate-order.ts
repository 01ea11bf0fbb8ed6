/** `top` and `sort`. Ties go to the lower index. */

import type { OpOf } from "../op/op.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { type NamedTensor, permuted } from "./tensor.ts";
import { rowsOver } from "./evaluate-reduce.ts";

/** The definition of `top`, in the layout of `wanted`. */
export function evaluateTop(
  op: OpOf<"top">,
  x: NamedTensor,
  wanted: readonly string[],
  context: EvaluateContext,
): Float64Array {
  const count = context.extent(op.into);
  const falling = (a: number, b: number): number => b - a;
  return ordered(x, op.axis, op.into, count, op.result, falling, wanted);
}

/** The definition of `sort`, in the layout of `wanted`. */
export function evaluateSort(
  op: OpOf<"sort">,
  x: NamedTensor,
  wanted: readonly string[],
  context: EvaluateContext,
): Float64Array {
  const count = context.extent(op.axis);
  const rising = (a: number, b: number): number => a - b;
  return ordered(x, op.axis, op.axis, count, op.result, rising, wanted);
}

/** The first `count` of each row along `axis`, which becomes `into`, in the order of `compare`. */
function ordered(
  x: NamedTensor,
  axis: string,
  into: string,
  count: number,
  result: "values" | "indices",
  compare: (a: number, b: number) => number,
  wanted: readonly string[],
): Float64Array {
  const rows = rowsOver(x, [axis]);
  const out = new Float64Array(rows.count * count);
  for (let row = 0; row < rows.count; row++) {
    const numbers = rows.data.subarray(row * rows.length, (row + 1) * rows.length);
    const order = [...numbers.keys()];
    order.sort((a, b) => compare(numbers[a] ?? 0, numbers[b] ?? 0) || a - b);
    order.slice(0, count).forEach((index, i) => {
      out[row * count + i] = result === "indices" ? index : (numbers[index] ?? 0);
    });
  }
  const kept = x.axes.filter((each) => each !== axis);
  const shape = kept.map((each) => x.shape[x.axes.indexOf(each)] ?? 0);
  return permuted(out, [...kept, into], [...shape, count], wanted);
}
