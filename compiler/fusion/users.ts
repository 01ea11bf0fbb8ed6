/** What fusion asks of operations and of the values that read them. */

import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { usersOf } from "../graph/rewrite.ts";
import type { Op } from "../op/op.ts";

/** The distinct users of each value. */
export type Users = readonly (readonly ValueId[])[];

/** The distinct users of each value of `graph`. */
export function distinctUsers(graph: Graph): Users {
  return usersOf(graph).map((each) => [...new Set(each)]);
}

/** Whether the operation has no arguments. */
export function isLeaf(op: Op): boolean {
  return ["input", "weight", "table", "state", "constant", "index", "size"].includes(op.kind);
}

/** Whether the operation is memory wherever it is read: no kernel computes it. */
export function isMemory(op: Op): boolean {
  return ["input", "weight", "table", "state", "append"].includes(op.kind);
}

/** Whether the operation only changes places. */
export function isView(op: Op): boolean {
  return ["rename", "split", "merge", "slice"].includes(op.kind);
}

/** A value that only a join or a cache reads is computed right into its place there. */
export function isPlacedElsewhere(
  graph: Graph,
  users: Users,
  required: ReadonlySet<ValueId>,
  id: ValueId,
): boolean {
  if (required.has(id) || isLeaf(nodeAt(graph, id).op)) return false;
  const [only, other] = users[id] ?? [];
  if (only === undefined || other !== undefined) return false;
  const { op, args, type } = nodeAt(graph, only);
  return (
    (op.kind === "join" || op.kind === "append") &&
    args.filter((arg) => arg === id).length === 1 &&
    nodeAt(graph, id).type.axes.length === type.axes.length
  );
}
