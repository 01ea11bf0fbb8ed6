/**
 * Decides which values are stored and which are computed where they are read, and so what becomes one
 * kernel. Products, reductions, attentions and scans are roots; elementwise values that follow a root
 * over the same elements are its epilogue; the rest is read in place unless that costs more than a
 * store.
 */

import { invariant } from "../../grammar/invariant.ts";
import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { constant, type Dimension, subtract, sumOf } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import { indexedRows } from "../graph/indexed.ts";
import { usersOf } from "../graph/rewrite.ts";
import { ownCost } from "./cost.ts";
import type { Fused, Region, Store } from "./region.ts";

/** Recomputing more than this for each reader costs more than a store. */
const expensive = 6;
/** An expression beyond this is split in any case: kernels stay readable. */
const longest = 40;

/** Cuts `graph` into regions. `required` values (outputs and states) are stored. */
export function fuse(graph: Graph, required: ReadonlySet<ValueId>): Fused {
  const users = usersOf(graph).map((each) => [...new Set(each)]);
  const epilogues = findEpilogues(graph, users, required);
  const stored = decideStored(graph, users, required, epilogues);
  const regions: Region[] = [];
  for (let index = 0; index < graph.nodes.length; index++) {
    const id = valueId(index);
    regions.push(...regionsFor(graph, id, { users, stored, epilogues, required }));
  }
  return { regions, stored: new Set(stored.keys()) };
}

interface Decisions {
  readonly users: Users;
  readonly stored: Map<ValueId, string>;
  readonly epilogues: Epilogues;
  readonly required: ReadonlySet<ValueId>;
}

/** The distinct users of each value. */
type Users = readonly (readonly ValueId[])[];

function isLeaf(op: Op): boolean {
  return ["input", "weight", "table", "state", "constant", "index", "size"].includes(op.kind);
}

function isView(op: Op): boolean {
  return ["rename", "split", "merge", "slice"].includes(op.kind);
}

function decideStored(
  graph: Graph,
  users: Users,
  required: ReadonlySet<ValueId>,
  epilogues: Epilogues,
): Map<ValueId, string> {
  const stored = new Map<ValueId, string>();
  const product = feedsProduct(graph, users);
  const cost: number[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const id = valueId(index);
    if (epilogues.inner.has(id)) continue;
    const args = node.args.reduce((sum, arg) => sum + (cost[arg] ?? 0), 0);
    const total = ownCost(node.op) + args;
    const about = { users, required, product: product[index] ?? false };
    const reason = epilogues.ends.has(id)
      ? "ends an epilogue"
      : whyStored(graph, id, node, total, about);
    if (reason !== undefined) stored.set(id, reason);
    cost[index] = reason === undefined && node.op.kind !== "append" ? total : 0;
  }
  return stored;
}

function whyStored(
  graph: Graph,
  id: ValueId,
  node: Node,
  cost: number,
  about: {
    users: Users;
    required: ReadonlySet<ValueId>;
    product: boolean;
  },
): string | undefined {
  const { op } = node;
  if (about.required.has(id)) return "leaves the phase";
  if (isLeaf(op) || op.kind === "append") return undefined;
  if (cost === Number.POSITIVE_INFINITY) return `${op.kind} has loops of its own`;
  if (op.kind === "join") return "its parts are computed apart";
  if (isView(op)) return undefined;
  // A matrix that rows choose is read where it lies, by the product that chose it.
  if (indexedRows((each) => nodeAt(graph, each), id) !== undefined) return undefined;
  const users = about.users[id] ?? [];
  if (cost > longest) return "the expression grows long";
  if (about.product) return "a product reads it many times";
  if (cost > expensive && users.length > 1) return "several kernels read it";
  const wider = users.some((user) => isWider(nodeAt(graph, user), node));
  if (cost > expensive / 2 && wider) return "it is repeated along an axis";
  return undefined;
}

/** Whether a product or attention reads the value, directly or through views. */
function feedsProduct(graph: Graph, users: Users): readonly boolean[] {
  const feeds: boolean[] = graph.nodes.map(() => false);
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    feeds[index] = (users[index] ?? []).some((user) => {
      const { op } = nodeAt(graph, user);
      return op.kind === "contract" || op.kind === "attend" || (isView(op) && feeds[user] === true);
    });
  }
  return feeds;
}

function isWider(user: Node, node: Node): boolean {
  const { op } = user;
  if (op.kind !== "map" && op.kind !== "stack") return false;
  return user.type.axes.some((axis) => !node.type.axes.includes(axis));
}

interface Epilogues {
  /** The last value of each root's epilogue. */
  readonly last: ReadonlyMap<ValueId, ValueId>;
  readonly ends: ReadonlySet<ValueId>;
  /** Roots with an epilogue, and what lies between a root and the end: never in memory. */
  readonly inner: ReadonlySet<ValueId>;
}

function findEpilogues(graph: Graph, users: Users, required: ReadonlySet<ValueId>): Epilogues {
  const last = new Map<ValueId, ValueId>();
  const inner = new Set<ValueId>();
  const taken = new Set<ValueId>();
  for (const [index, node] of graph.nodes.entries()) {
    const root = valueId(index);
    if (!["contract", "reduce", "attend"].includes(node.op.kind)) continue;
    let current = root;
    for (;;) {
      const [next, other] = users[current] ?? [];
      if (next === undefined || other !== undefined || required.has(current)) break;
      if (taken.has(next) || !continues(nodeAt(graph, next), node)) break;
      inner.add(current);
      taken.add(next);
      current = next;
    }
    if (current !== root) last.set(root, current);
  }
  return { last, ends: new Set(last.values()), inner };
}

function continues(next: Node, root: Node): boolean {
  if (next.op.kind !== "map" || next.type.element === "bool") return false;
  const { axes } = root.type;
  return (
    next.type.axes.length === axes.length && axes.every((axis) => next.type.axes.includes(axis))
  );
}

function regionsFor(graph: Graph, id: ValueId, decisions: Decisions): readonly Region[] {
  const { stored, epilogues, required } = decisions;
  const node = nodeAt(graph, id);
  if (node.op.kind === "append") return appendRegions(graph, id, decisions);
  if (node.op.kind === "join" && stored.has(id)) return joinRegions(graph, id, decisions);
  const reason = stored.get(id);
  if (reason === undefined || isPlacedElsewhere(graph, id, decisions)) return [];
  const root = rootOf(graph, id, epilogues.last);
  const store: Store = { value: id, target: { kind: "value", value: id } };
  const kind = regionKind(nodeAt(graph, root).op);
  invariant(!isLeaf(node.op) || required.has(id), "fusion: a leaf is stored for no reason");
  return [{ kind, root, result: id, store, reason }];
}

function rootOf(graph: Graph, id: ValueId, epilogues: ReadonlyMap<ValueId, ValueId>): ValueId {
  // Epilogues are short: the root is among the value's elementwise ancestors.
  let current = id;
  for (;;) {
    if (current === id && regionKind(nodeAt(graph, id).op) !== "map") return id;
    const found = nodeAt(graph, current).args.find(
      (arg) => epilogues.get(arg) === id || leadsTo(graph, arg, id, epilogues),
    );
    if (found === undefined) return id;
    if (epilogues.get(found) === id) return found;
    current = found;
  }
}

function leadsTo(
  graph: Graph,
  value: ValueId,
  id: ValueId,
  epilogues: ReadonlyMap<ValueId, ValueId>,
): boolean {
  const node = nodeAt(graph, value);
  if (node.op.kind !== "map") return false;
  return node.args.some((arg) => epilogues.get(arg) === id || leadsTo(graph, arg, id, epilogues));
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

/** A value that only a join or a cache reads is computed right into its place there. */
function isPlacedElsewhere(graph: Graph, id: ValueId, { users, required }: Decisions): boolean {
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

function placed(graph: Graph, arg: ValueId, store: Store, decisions: Decisions): Region {
  const { stored, epilogues } = decisions;
  const moved = stored.has(arg) && isPlacedElsewhere(graph, arg, decisions);
  if (moved) stored.delete(arg);
  const root = moved ? rootOf(graph, arg, epilogues.last) : arg;
  const kind = moved ? regionKind(nodeAt(graph, root).op) : "map";
  return { kind, root, result: arg, store, reason: "it is computed into its place" };
}

function joinRegions(graph: Graph, id: ValueId, decisions: Decisions): readonly Region[] {
  const { op, args } = nodeAt(graph, id);
  invariant(op.kind === "join", "fusion: a join");
  let start: Dimension = constant(0);
  return args.map((arg, index) => {
    const axis = op.parts[index];
    invariant(axis !== undefined, "fusion: a join has an axis for each part");
    const rows = { axis, into: op.into, start };
    start = sumOf([start, graph.axes.get(axis)?.size ?? constant(0)]);
    const store: Store = { value: id, target: { kind: "value", value: id }, rows };
    return placed(graph, arg, store, decisions);
  });
}

function appendRegions(graph: Graph, id: ValueId, decisions: Decisions): readonly Region[] {
  const { op, args } = nodeAt(graph, id);
  const [arg] = args;
  invariant(op.kind === "append" && arg !== undefined, "fusion: an append");
  const sizes = [op.into, op.axis].map((axis) => graph.axes.get(axis)?.size ?? constant(0));
  const [all = constant(0), added = constant(0)] = sizes;
  const rows = { axis: op.axis, into: op.into, start: subtract(all, added) };
  const store: Store = { value: id, target: { kind: "state", name: op.state }, rows };
  return [placed(graph, arg, store, decisions)];
}
