/** The elementwise values that follow roots and are computed with them, never in memory. */

import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { type ProductGroup, productGroups } from "./product-epilogues.ts";
import type { Users } from "./users.ts";

/** All epilogues of a graph. */
export interface Epilogues {
  /** By the last value of an epilogue, its root; of several products the first. */
  readonly roots: ReadonlyMap<ValueId, ValueId>;
  /** Roots with an epilogue, and what lies between a root and the end. */
  readonly inner: ReadonlySet<ValueId>;
  readonly products: readonly ProductGroup[];
}

/** Finds the epilogues of products, reductions and attentions. */
export function findEpilogues(
  graph: Graph,
  users: Users,
  required: ReadonlySet<ValueId>,
): Epilogues {
  const products = productGroups(graph, users, required);
  const roots = new Map<ValueId, ValueId>();
  const inner = new Set(products.flatMap((group) => [...group.inner]));
  const taken = new Set<ValueId>(inner);
  for (const group of products) {
    const [root] = group.roots;
    for (const end of group.ends) {
      taken.add(end);
      if (root !== undefined) roots.set(end, root);
    }
  }
  for (const [index, node] of graph.nodes.entries()) {
    const root = valueId(index);
    if (node.op.kind !== "reduce" && node.op.kind !== "attend") continue;
    let current = root;
    for (;;) {
      const [next, other] = users[current] ?? [];
      if (next === undefined || other !== undefined || required.has(current)) break;
      if (taken.has(next) || !continues(nodeAt(graph, next), node)) break;
      inner.add(current);
      taken.add(next);
      current = next;
    }
    if (current !== root) roots.set(current, root);
  }
  return { roots, inner, products };
}

function continues(next: Node, root: Node): boolean {
  if (next.op.kind !== "map" || next.type.element === "bool") return false;
  const { axes } = root.type;
  return (
    next.type.axes.length === axes.length && axes.every((axis) => next.type.axes.includes(axis))
  );
}
