/** How many numbers a model learns. */

import type { Graph } from "../graph/graph.ts";
import { sizeOf } from "../graph/graph.ts";
import { evaluateDimension, productOf } from "../op/dimension.ts";

/** The numbers of all weights of `graph` whose names begin with `under`; a tied weight counts once. */
export function parameterCount(graph: Graph, under = ""): number {
  let count = 0;
  for (const { name, axes } of graph.weights.values()) {
    if (!name.startsWith(under)) continue;
    count += evaluateDimension(productOf(axes.map((axis) => sizeOf(graph, axis))), new Map());
  }
  return count;
}
