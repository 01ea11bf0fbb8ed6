/** The attentions of a model that have different masks, each with a name to choose it by. */

import type { Graph, ValueId } from "../graph/graph.ts";
import { axisAt } from "../graph/graph.ts";
import type { AttendOp } from "../op/op.ts";
import { showPredicate } from "../op/show-predicate.ts";
import { showPaths } from "./paths.ts";

/** Attentions with one mask over the same rows. */
export interface DrawnAttention {
  /** The blocks that have it: `model.layers[0..31].self_attn`. */
  readonly name: string;
  /** The path of each of them. */
  readonly paths: readonly string[];
  /** The first one. */
  readonly op: AttendOp;
  readonly args: readonly ValueId[];
  /** What its mask calls its data, by number. */
  readonly data: readonly string[] | undefined;
}

/** The distinct attentions of `graph` in order of their first use. */
export function drawnAttentions(graph: Graph): readonly DrawnAttention[] {
  const groups = new Map<string, Omit<DrawnAttention, "name" | "paths"> & { paths: string[] }>();
  for (const { op, args, origin } of graph.nodes) {
    if (op.kind !== "attend") continue;
    const masks = op.parts.map(({ axis, segment, mask }) => [
      axisAt(graph, axis).label,
      segment ?? "",
      showPredicate(mask),
    ]);
    const query = [axisAt(graph, op.query).label, op.querySegment ?? ""];
    const key = JSON.stringify([query, masks]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { op, args, data: origin.data, paths: [origin.path] });
    else group.paths.push(origin.path);
  }
  return [...groups.values()].map((group) => ({
    ...group,
    name: showPaths(group.paths).join(", "),
  }));
}

/** Whether the attention at `at` is at or inside `path`, which may leave out what is before or after. */
export function isAt(path: string, at: string): boolean {
  const plain = (text: string): string => `.${text.replace(/\[(\d+)\]/g, ".$1")}.`;
  return plain(at).includes(plain(path));
}
