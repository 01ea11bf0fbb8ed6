/**
 * Rows of a function by themselves: where nothing of a graph asks how many rows are of which segment,
 * its rows are so many, and no sum of sizes that no argument tells.
 */

import { type Graph, axisAt } from "../../graph/graph.ts";
import { axesOf } from "../../graph/uses.ts";
import type { Axis } from "../../op/axis.ts";
import { type Dimension, symbol, symbolsOf } from "../../op/dimension.ts";
import { solvedSymbols } from "./symbols.ts";

/** `graph` with a size of its own for rows whose size its inputs do not tell. */
export function withOwnRows(graph: Graph): Graph {
  const solved = new Set(solvedSymbols(graph).map(({ name }) => name));
  const used = new Set(graph.nodes.flatMap(axesOf));
  const sizes = [
    ...[...used].map((axis) => axisAt(graph, axis).size),
    ...graph.nodes.flatMap(({ op }): Dimension[] => {
      if (op.kind === "slice") return [op.start];
      return op.kind === "size" ? [op.size] : [];
    }),
  ];
  const isUnknown = (size: Dimension): boolean =>
    [...symbolsOf(size)].some((name) => !solved.has(name));
  const unknown = new Map(sizes.filter(isUnknown).map((size) => [size.key, size]));
  const [only, more] = unknown.values();
  if (only === undefined || more !== undefined) return graph;
  const first = [...used].find((name) => axisAt(graph, name).size.key === only.key) ?? "Rows";
  const size = symbol(graph.axes.get(first)?.label.replace(/\W/g, "_") ?? first);
  const own = (axis: Axis): Axis =>
    axis.size.key === only.key ? { ...axis, size, segments: [] } : axis;
  return { ...graph, axes: new Map([...graph.axes].map(([name, axis]) => [name, own(axis)])) };
}
