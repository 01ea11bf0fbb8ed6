/**
 * Decides which values are stored and which are computed where they are read, and so what becomes one
 * kernel. Products, reductions, attentions and scans are roots; elementwise values that follow a root
 * over the same elements are its epilogue; the rest is read in place unless that costs more than a
 * store. Reductions of the same rows that feed each other are one kernel. Products of the same left
 * rows are one kernel, with all their results; so are elementwise values that do not need each other.
 */

import { invariant } from "../../grammar/invariant.ts";
import { type Graph, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { constant, type Dimension, subtract, sumOf } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import { type Epilogues, findEpilogues } from "./epilogues.ts";
import { mergeMaps } from "./merge-maps.ts";
import { mergeProducts } from "./merge-products.ts";
import { copiesFirst, inOrder } from "./order.ts";
import { type RowGroups, takeRowGroups } from "./row-groups.ts";
import { rowValues } from "./row-values.ts";
import { valueToStore } from "./value-to-store.ts";
import type { Fused, Region, Store, StoredRows } from "./region.ts";
import { decideStored } from "./stored.ts";
import { distinctUsers, isLeaf, isPlacedElsewhere, type Users } from "./users.ts";

/**
 * Cuts `graph` into regions. `required` values (outputs and states) are stored, and so is what a kernel
 * would have to compute from more memory than it can bind.
 */
export function fuse(graph: Graph, required: ReadonlySet<ValueId>): Fused {
  const cuts = new Set<ValueId>();
  for (;;) {
    const fused = fuseWith(graph, required, cuts);
    const cut = valueToStore(graph, fused);
    if (cut === undefined) return fused;
    cuts.add(cut);
  }
}

function fuseWith(graph: Graph, leaving: ReadonlySet<ValueId>, cuts: ReadonlySet<ValueId>): Fused {
  const required = new Set([...leaving, ...cuts]);
  const users = distinctUsers(graph);
  const epilogues = findEpilogues(graph, users, required);
  const rows = rowValues(graph, users, required, epilogues.products);
  const stored = decideStored(graph, { users, required, epilogues, rowValues: rows });
  for (const id of cuts) stored.set(id, "a kernel that computes it, too, would bind too much");
  const groups = takeRowGroups(graph, { users, required, epilogues }, stored);
  const decisions = { users, stored, epilogues, required, groups };
  const apart = graph.nodes.flatMap((_, index) => regionsFor(graph, valueId(index), decisions));
  const lies = new Set(stored.keys());
  const regions = inOrder(graph, lies, mergeProducts(graph, lies, epilogues.products, apart));
  const ordered = copiesFirst(graph, users, lies, regions ?? apart);
  return { regions: mergeMaps(graph, lies, ordered), stored: lies };
}

interface Decisions {
  readonly users: Users;
  readonly stored: Map<ValueId, string>;
  readonly epilogues: Epilogues;
  readonly required: ReadonlySet<ValueId>;
  readonly groups: RowGroups;
}

function regionsFor(graph: Graph, id: ValueId, decisions: Decisions): readonly Region[] {
  const { stored, required } = decisions;
  const node = nodeAt(graph, id);
  if (node.op.kind === "append") return appendRegions(graph, id, decisions);
  const reason = stored.get(id);
  if (reason === undefined || isPlaced(graph, id, decisions)) return [];
  const target = { kind: "value", value: id } as const;
  if (node.op.kind === "join")
    return joinRegions(graph, id, { value: id, target, rows: [] }, decisions);
  invariant(!isLeaf(node.op) || required.has(id), "fusion: a leaf is stored for no reason");
  return [{ ...rootOf(graph, id, decisions), store: { value: id, target, rows: [] }, reason }];
}

function isPlaced(graph: Graph, id: ValueId, { users, required }: Decisions): boolean {
  return isPlacedElsewhere(graph, users, required, id);
}

function rootOf(
  graph: Graph,
  result: ValueId,
  { epilogues, groups }: Decisions,
): Pick<Region, "kind" | "root" | "result" | "steps"> {
  const steps = groups.get(result);
  if (steps !== undefined) return { kind: "rows", root: result, result, steps };
  const root = epilogues.roots.get(result) ?? result;
  return { kind: regionKind(nodeAt(graph, root).op), root, result };
}

function regionKind(op: Op): Region["kind"] {
  switch (op.kind) {
    case "reduce":
    case "contract":
    case "attend":
      return op.kind;
    case "cumulative":
    case "top":
    case "sort":
      return "scan";
    default:
      return "map";
  }
}

/** The regions that compute `arg` where `store` says, in place of memory of its own if it needs none. */
function placed(graph: Graph, arg: ValueId, store: Store, decisions: Decisions): readonly Region[] {
  const { stored } = decisions;
  const moved = stored.has(arg) && isPlaced(graph, arg, decisions);
  if (moved) stored.delete(arg);
  if (moved && nodeAt(graph, arg).op.kind === "join")
    return joinRegions(graph, arg, store, decisions);
  const reason = "it is computed into its place";
  if (!moved) return [{ kind: "map", root: arg, result: arg, store, reason }];
  return [{ ...rootOf(graph, arg, decisions), store, reason }];
}

function joinRegions(
  graph: Graph,
  id: ValueId,
  store: Store,
  decisions: Decisions,
): readonly Region[] {
  const { op, args } = nodeAt(graph, id);
  invariant(op.kind === "join", "fusion: a join");
  let start: Dimension = constant(0);
  return args.flatMap((arg, index) => {
    const axis = op.parts[index];
    invariant(axis !== undefined, "fusion: a join has an axis for each part");
    const rows: StoredRows = { axis, into: op.into, start };
    start = sumOf([start, graph.axes.get(axis)?.size ?? constant(0)]);
    return placed(graph, arg, within(store, rows), decisions);
  });
}

/** The store of some rows of what `store` stores. */
function within(store: Store, rows: StoredRows): Store {
  // Rows of rows: the join's own axis is itself a part of the memory's.
  const outer = store.rows.find(({ axis }) => axis === rows.into);
  if (outer === undefined) return { ...store, rows: [...store.rows, rows] };
  const start = sumOf([outer.start, rows.start]);
  const inner = { axis: rows.axis, into: outer.into, start };
  return { ...store, rows: [...store.rows.filter((each) => each !== outer), inner] };
}

function appendRegions(graph: Graph, id: ValueId, decisions: Decisions): readonly Region[] {
  const { op, args } = nodeAt(graph, id);
  const [arg] = args;
  invariant(op.kind === "append" && arg !== undefined, "fusion: an append");
  const sizes = [op.into, op.axis].map((axis) => graph.axes.get(axis)?.size ?? constant(0));
  const [all = constant(0), added = constant(0)] = sizes;
  const rows = [{ axis: op.axis, into: op.into, start: subtract(all, added) }];
  return placed(
    graph,
    arg,
    { value: id, target: { kind: "state", name: op.state }, rows },
    decisions,
  );
}
