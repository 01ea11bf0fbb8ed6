/** Graphs as text that is equal where graphs are, whatever their axes are called. */

import type { Graph } from "../../graph/graph.ts";
import { axisAt } from "../../graph/graph.ts";

/** Nodes, inputs and weights of `graph`; names of axes are numbers in order of appearance. */
export function contentKey(graph: Graph): string {
  const numbers = new Map<string, string>();
  const numbered = (axis: string): string => {
    const known = numbers.get(axis);
    if (known !== undefined) return known;
    const { size, label } = axisAt(graph, axis);
    const text = `${numbers.size} ${label} ${size.key}`;
    numbers.set(axis, text);
    return text;
  };
  const nodes = graph.nodes.map(({ op, args, type }) => [op, args, type]);
  const weights = [...graph.weights.values()].map(({ name, axes }) => [name, axes]);
  const content = [nodes, graph.inputs, weights, graph.outputs.map(({ value }) => value)];
  return JSON.stringify(content, (_, value: unknown) => {
    if (typeof value === "string" && graph.axes.has(value)) return numbered(value);
    return isSize(value) ? value.key : value;
  });
}

function isSize(value: unknown): value is { readonly key: string } {
  return typeof value === "object" && value !== null && "key" in value && "opaque" in value;
}
