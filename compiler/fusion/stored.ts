/** Which values lie in memory, with the reason for each. */

import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { indexedRows } from "../graph/indexed.ts";
import { ownCost } from "./cost.ts";
import type { Epilogues } from "./epilogues.ts";
import { isLeaf, isView, type Users } from "./users.ts";

/** Recomputing more than this for each reader costs more than a store. */
const expensive = 6;
/** An expression beyond this is split in any case: kernels stay readable. */
const longest = 40;
/** What a product's operand may cost where it is read instead of stored: it is read many times. */
const prologue = 1;

/** What the decision needs to know. */
export interface StoredFacts {
  readonly users: Users;
  readonly required: ReadonlySet<ValueId>;
  readonly epilogues: Epilogues;
  /** Values that the kernels of products compute for their rows. */
  readonly rowValues: ReadonlySet<ValueId>;
}

/** The stored values of `graph`, with the reasons. */
export function decideStored(graph: Graph, facts: StoredFacts): Map<ValueId, string> {
  const { epilogues, rowValues } = facts;
  const stored = new Map<ValueId, string>();
  const reads = productReads(graph, facts);
  const cost: number[] = [];
  for (const [index, node] of graph.nodes.entries()) {
    const id = valueId(index);
    if (epilogues.inner.has(id) || rowValues.has(id)) continue;
    const args = node.args.reduce((sum, arg) => sum + (cost[arg] ?? 0), 0);
    const total = ownCost(node.op) + args;
    const reason = epilogues.roots.has(id)
      ? "ends an epilogue"
      : whyStored(graph, id, node, total, { ...facts, read: reads[index] });
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
  about: StoredFacts & { readonly read: ProductRead | undefined },
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
  if (about.read === "operand") return "a product reads it many times";
  if (about.read === "prologue" && cost > prologue) return "a product reads it many times";
  if (about.read === "source" && cost > 0) return "a product computes its operand from it";
  if (cost > expensive && users.length > 1) return "several kernels read it";
  const wider = users.some((user) => isWider(nodeAt(graph, user), node));
  if (cost > expensive / 2 && wider) return "it is repeated along an axis";
  return undefined;
}

/**
 * How products and attentions read a value, directly or through views: as an operand that must lie in
 * memory, as one that may be computed where it is read, or to compute such an operand, or a value of
 * rows, from it.
 */
type ProductRead = "operand" | "prologue" | "source";

function productReads(graph: Graph, facts: StoredFacts): readonly (ProductRead | undefined)[] {
  const reads: (ProductRead | undefined)[] = graph.nodes.map(() => undefined);
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const found = (facts.users[index] ?? []).map((user) => {
      const { op } = nodeAt(graph, user);
      if (op.kind === "attend") return "operand";
      if (op.kind === "contract") return isPrologue(graph, valueId(index), facts);
      if (op.kind === "reduce") return facts.rowValues.has(user) ? "prologue" : undefined;
      if (isView(op)) return reads[user] === "prologue" ? "operand" : reads[user];
      return reads[user] === "prologue" ? "source" : undefined;
    });
    reads[index] = (["operand", "prologue", "source"] as const).find((kind) =>
      found.includes(kind),
    );
  }
  return reads;
}

/** Whether a product can compute its operand in place: a cheap function of what is stored anyway. */
function isPrologue(graph: Graph, id: ValueId, { users, epilogues }: StoredFacts): ProductRead {
  const { op, args } = nodeAt(graph, id);
  if (op.kind !== "map" || ownCost(op) > prologue || epilogues.roots.has(id)) return "operand";
  const lies = args.every((arg) => {
    const node = nodeAt(graph, arg);
    const root = ownCost(node.op) === Number.POSITIVE_INFINITY && !epilogues.inner.has(arg);
    const shared = (users[arg] ?? []).length > 1;
    return isLeaf(node.op) || root || epilogues.roots.has(arg) || shared;
  });
  return lies ? "prologue" : "operand";
}

function isWider(user: Node, node: Node): boolean {
  const { op } = user;
  if (op.kind !== "map" && op.kind !== "stack") return false;
  return user.type.axes.some((axis) => !node.type.axes.includes(axis));
}
