/**
 * How values stand to the rows that grow: not at all, row by row, or as a whole that the rows of the
 * prompt went into (a visual row that sees text, a mean over the prompt).
 */

import { type Graph, type ValueId, valueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { symbolsOf } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import { dependencesOf, isStatic } from "./dependence.ts";
import { heavyValues } from "./keep.ts";
import type { Growth } from "./growth.ts";

/** `static`: depends on nothing that grows. `rows`: has an axis that grows. `whole`: neither. */
export type Stream = "static" | "rows" | "whole";

/**
 * The stream of each node, as its operation computes it: the rows of one segment of a joined value are
 * computed with the others, even if they do not depend on them. But where taking them out costs no
 * work (positions), they count as static.
 */
export function streamsOf(graph: Graph, growth: Growth): readonly Stream[] {
  const dependences = dependencesOf(graph);
  const heavy = heavyValues(graph);
  return computedStreams(graph, growth).map((stream, index) => {
    const free = heavy[index] !== true && isStatic(dependences, valueId(index));
    return stream === "whole" && free ? "static" : stream;
  });
}

function computedStreams(graph: Graph, growth: Growth): readonly Stream[] {
  const grows = (axes: readonly AxisName[]): boolean => axes.some((axis) => growth.axes.has(axis));
  const streams: Stream[] = [];
  for (const { op, args, type } of graph.nodes) {
    const source =
      op.kind === "input" || op.kind === "index" ? grows(type.axes) : isGrowingSize(op, growth);
    const dynamic = source || args.some((arg) => streams[arg] !== "static");
    streams.push(dynamic ? (grows(type.axes) ? "rows" : "whole") : "static");
  }
  return streams;
}

function isGrowingSize(op: Op, growth: Growth): boolean {
  return op.kind === "size" && [...symbolsOf(op.size)].some((each) => growth.symbols.has(each));
}

/** The nodes that `roots` need. */
export function liveFrom(graph: Graph, roots: readonly ValueId[]): ReadonlySet<ValueId> {
  const live = new Set(roots);
  for (let index = graph.nodes.length - 1; index >= 0; index--)
    if (live.has(valueId(index))) for (const arg of graph.nodes[index]?.args ?? []) live.add(arg);
  return live;
}
