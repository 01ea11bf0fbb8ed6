/**
 * Values of rows as a whole that a product's kernel computes beside its sums: a reduction over the
 * axes that the product sums, of the rows that it reads (the scale of an RMS norm).
 */

import { type Graph, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { ownCost } from "./cost.ts";
import type { ProductGroup } from "./product-epilogues.ts";
import type { Users } from "./users.ts";

/** What a reduction's argument may cost where it is read: it is computed again for each panel. */
const cheap = 3;

/**
 * The reductions that no kernel of their own computes, and the elementwise values of rows between
 * them and the products' epilogues.
 */
export function rowValues(
  graph: Graph,
  users: Users,
  required: ReadonlySet<ValueId>,
  products: readonly ProductGroup[],
): ReadonlySet<ValueId> {
  const groups = new Map<ValueId, ProductGroup>();
  for (const group of products)
    for (const id of [...group.inner, ...group.ends]) groups.set(id, group);
  const found = new Set<ValueId>();
  graph.nodes.forEach(({ op, args, type }, index) => {
    const [source] = args;
    if (op.kind !== "reduce" || source === undefined || type.element !== "float") return;
    if (op.fn !== "sum" && op.fn !== "mean") return;
    const { op: map } = nodeAt(graph, source);
    if (map.kind === "map" && ownCost(map) > cheap) return;
    const between = new Set<ValueId>();
    const serves = ({ over, rows }: ProductGroup): boolean =>
      over.length === op.over.length &&
      over.every((axis) => op.over.includes(axis)) &&
      type.axes.every((axis) => rows.includes(axis));
    const visit = (id: ValueId): boolean => {
      if (required.has(id)) return false;
      between.add(id);
      return (users[id] ?? []).every((user) => {
        const group = groups.get(user);
        if (group !== undefined) return !group.roots.includes(user) && serves(group);
        const node = nodeAt(graph, user);
        return node.op.kind === "map" && sameAxes(node.type.axes, type.axes) && visit(user);
      });
    };
    if ((users[index] ?? []).length > 0 && visit(valueId(index)))
      for (const id of between) found.add(id);
  });
  return found;
}

function sameAxes(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((axis) => b.includes(axis));
}
