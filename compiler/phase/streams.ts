/**
 * How values stand to the rows that grow: not at all, row by row, or as a whole that the rows of the
 * prompt went into (a visual row that sees text, a mean over the prompt).
 */

import { type Graph, type ValueId, valueId } from "../graph/graph.ts";
import { type Dependences, isStatic } from "./dependence.ts";
import type { Growth } from "./growth.ts";

/** `static`: depends on nothing that grows. `rows`: has an axis that grows. `whole`: neither. */
export type Stream = "static" | "rows" | "whole";

/** The stream of each node. */
export function streamsOf(
  graph: Graph,
  dependences: Dependences,
  growth: Growth,
): readonly Stream[] {
  return graph.nodes.map((node, index) => {
    if (isStatic(dependences, valueId(index))) return "static";
    return node.type.axes.some((axis) => growth.axes.has(axis)) ? "rows" : "whole";
  });
}

/** The nodes that `roots` need. */
export function liveFrom(graph: Graph, roots: readonly ValueId[]): ReadonlySet<ValueId> {
  const live = new Set(roots);
  for (let index = graph.nodes.length - 1; index >= 0; index--)
    if (live.has(valueId(index))) for (const arg of graph.nodes[index]?.args ?? []) live.add(arg);
  return live;
}
