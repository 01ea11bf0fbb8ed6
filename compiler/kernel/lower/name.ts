/** Names and comments of kernels: what they compute, in the words of the user. */

import type { Region } from "../../fusion/region.ts";
import { nodeAt } from "../../graph/graph.ts";
import { asConstant, showDimension } from "../../op/dimension.ts";
import type { Context } from "./context.ts";

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

/** Lines above the kernel: the value's name and axes, and where the spec computes it. */
export function commentOf(context: Context, region: Region): readonly string[] {
  const { origin, type } = nodeAt(context.graph, region.result);
  const axes = type.axes.map((axis) => {
    const size = context.extent(axis);
    const label = context.graph.axes.get(axis)?.label ?? axis;
    return asConstant(size) === undefined ? showDimension(size) : `${label} = ${size.key}`;
  });
  const path = origin.path.replace(/\.\d+(?=\.|$)/g, ".*");
  const name = [path, origin.name].filter((word) => word !== undefined && word !== "").join(": ");
  return [`${name || region.kind} [${axes.join(", ")}]`, `from ${origin.span.file}`];
}
