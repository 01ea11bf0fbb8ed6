/** How far the results of two schedules of a kernel may be apart: what adding up in another order can do. */

import { estimateError } from "../../graph/estimate-error.ts";
import { graphFlops } from "../../graph/flops.ts";
import { nodeAt, sizeOf } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { evaluateDimension } from "../../op/dimension.ts";
import { type BufferSource, resultsOf } from "../../fusion/region.ts";
import { regionGraph, resultName } from "../../plan/region-graph.ts";
import type { RowNumbers } from "../../report/row-numbers.ts";
import { randomNumbers } from "./memory.ts";
import type { KernelShape } from "./shapes.ts";

/** What may be evaluated, several times, while somebody waits. */
const mostFlops = 2e7;

/** Standard deviations that a number may be off (see `graph/estimate-error.ts`). */
const deviations = 8;

/**
 * The largest difference by result, in the order of the region's results; undefined where the kernel
 * computes too much to evaluate. Both schedules may be off, so it is twice what one may be; `unitOf`
 * is half the spacing at 1 of what a result is stored as.
 */
export function toleranceOf(
  shape: KernelShape,
  rows: RowNumbers,
  unitOf: (source: BufferSource) => number,
): readonly number[] | undefined {
  const { prepared, region, values } = shape;
  const { graph: whole } = prepared.phase;
  const { graph, inputs } = regionGraph(whole, (id) => prepared.stored.has(id), region);
  if (evaluateDimension(graphFlops(graph), values) > mostFlops) return undefined;
  const next = randomNumbers();
  const tensors = new Map<string, Tensor>();
  for (const [name, id] of inputs) {
    const { element, axes } = nodeAt(whole, id).type;
    const extents = axes.map((axis) => evaluateDimension(sizeOf(whole, axis), values));
    const count = extents.reduce((product, each) => product * each, 1);
    const known = element === "float" ? undefined : rows.of(id)?.data;
    const data = Float64Array.from({ length: count }, (_, at) =>
      element === "float" ? next() : (known?.[at] ?? 0),
    );
    tensors.set(name, { element, shape: extents, data });
  }
  const weights = (name: string): Tensor => {
    throw new RangeError(`${name} is an input here`);
  };
  const { scales, outputs } = estimateError(graph, { sizes: values, inputs: tensors, weights });
  return resultsOf(region).map(({ result, store }) => {
    const name = resultName(result);
    const stored = unitOf(store.target) * largest(outputs.get(name)?.data ?? []);
    return 2 * (deviations * largest(scales.get(name) ?? []) + stored);
  });
}

function largest(numbers: Iterable<number>): number {
  let most = 0;
  for (const each of numbers) if (Number.isFinite(each)) most = Math.max(most, Math.abs(each));
  return most;
}
