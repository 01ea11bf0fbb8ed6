/** New rows' positions are read from the cache of all rows' positions. */

import { invariant } from "../../grammar/invariant.ts";
import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import { subtract } from "../op/dimension.ts";
import { attendArguments, listAttendArguments } from "../op/op.ts";

/**
 * Makes attentions read the positions of their query rows where they read those of their keys, if
 * that is a cache which these rows were just appended to.
 *
 * Sound because the last rows of an `append` are its argument. It saves a buffer: a kernel binds no
 * more than eight on every device, and attention over two segments would need nine. Needs equal
 * values to be one value; leaves slices of caches, which are places in memory.
 */
export function readCached(graph: Graph): Graph {
  return rewriteGraph(graph, "read-cached", ({ op, args, origin }, _, builder) => {
    if (op.kind !== "attend") return undefined;
    const roles = attendArguments(op, args);
    for (const { position } of roles.parts) {
      const queryPosition = readBack(builder, roles.queryPosition, position);
      if (queryPosition === undefined) continue;
      return builder.node(op, listAttendArguments(op, { ...roles, queryPosition }), origin);
    }
    return undefined;
  });
}

/** `value` as rows of `cache`, if it is what that was given, or rows of it. */
function readBack(builder: GraphBuilder, value: ValueId, cache: ValueId): ValueId | undefined {
  const { op, args, origin } = builder.nodeOf(cache);
  if (op.kind !== "append") return undefined;
  if (value === args[0]) {
    const [all, added] = [op.into, op.axis].map((axis) => builder.axis(axis)?.size);
    invariant(all !== undefined && added !== undefined, "read-cached: a cache has rows");
    const rows = { axis: op.into, start: subtract(all, added), into: op.axis };
    return builder.node({ kind: "slice", ...rows }, [cache], origin);
  }
  const { op: view, args: sources } = builder.nodeOf(value);
  const [source] = sources;
  if (view.kind !== "slice" || source === undefined) return undefined;
  const inner = readBack(builder, source, cache);
  return inner === undefined ? undefined : builder.node(view, [inner], origin);
}
