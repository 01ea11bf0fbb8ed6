/** Names and comments of kernels: what they compute, in the words of the user. */

import type { Region } from "../../fusion/region.ts";
import { type Graph, nodeAt } from "../../graph/graph.ts";
import { asConstant, showDimension } from "../../op/dimension.ts";
import type { Context } from "./context.ts";
import { specLines } from "./spec-lines.ts";

/** A kernel name: the block and the value that it computes, and the kind of work. */
export function regionName(context: Context, region: Region): string {
  const { origin } = nodeAt(context.graph, region.result);
  const block = origin.path
    .split(".")
    .filter((part) => !/^\d+$/.test(part))
    .slice(-1);
  const words = [...block, origin.name ?? nodeAt(context.graph, region.root).op.kind, region.kind];
  return words
    .join("_")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .replace(/^_+/, "")
    .toLowerCase();
}

/** The checkpoint path and name of what a region computes, equal for equal layers. */
export function titleOf(graph: Graph, region: Region): string {
  const { path, name } = nodeAt(graph, region.result).origin;
  const layers = path.replace(/\.\d+(?=\.|$)/g, ".*");
  return [layers, name].filter((word) => word !== undefined && word !== "").join(": ");
}

/** Lines above the kernel: the value's name and axes, and the lines of the spec that say it. */
export function commentOf(context: Context, region: Region): readonly string[] {
  const { type } = nodeAt(context.graph, region.result);
  const axes = type.axes.map((axis) => {
    const size = context.extent(axis);
    const label = context.graph.axes.get(axis)?.label ?? axis;
    return asConstant(size) === undefined ? showDimension(size) : `${label} = ${size.key}`;
  });
  const title = titleOf(context.graph, region) || region.kind;
  return [`${title} [${axes.join(", ")}]`, ...specLines(context, region)];
}
