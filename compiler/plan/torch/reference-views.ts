/** Tensors whose axes have names, as PyTorch's, whose axes have places. */

import { axisAt, type Graph } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import type { Element } from "../../op/type.ts";
import { pythonDimension } from "./size-text.ts";

/** An expression and its axes. */
export interface Named {
  readonly text: string;
  readonly axes: readonly AxisName[];
  readonly element: Element;
}

/** The size of an axis in Python. */
export function sizeOfAxis(graph: Graph, axis: AxisName): string {
  return pythonDimension(axisAt(graph, axis).size);
}

/** `x` with its axes in another order. */
export function ordered(
  { text, axes }: Pick<Named, "text" | "axes">,
  order: readonly AxisName[],
): string {
  if (order.every((axis, place) => axis === axes[place])) return text;
  return `${text}.permute(${order.map((axis) => axes.indexOf(axis)).join(", ")})`;
}

/** `x` so that it goes with a tensor that has `axes`: what it lacks is repeated. */
export function aligned(x: Pick<Named, "text" | "axes">, axes: readonly AxisName[]): string {
  const kept = axes.filter((axis) => x.axes.includes(axis));
  const text = ordered(x, kept);
  const first = axes.findIndex((axis) => x.axes.includes(axis));
  if (first < 0) return text;
  const places = axes.slice(first).map((axis) => (x.axes.includes(axis) ? ":" : "None"));
  return places.includes("None") ? `${text}[${places.join(", ")}]` : text;
}

/** `x` at `index` along `axis`; `index` goes with a tensor that has `axes`, as the result does. */
export function gathered(
  graph: Graph,
  x: Named,
  axis: AxisName,
  index: string,
  axes: readonly AxisName[],
): string {
  const places = x.axes.map((each) => {
    if (each === axis) return index;
    return aligned({ text: `torch.arange(${sizeOfAxis(graph, each)})`, axes: [each] }, axes);
  });
  return `${x.text}[${places.join(", ")}]`;
}
