/**
 * What follows products elementwise and can be computed with them. Products of the same left rows may
 * feed one value (gate and up), and one of them several (the halves that rotary positions mix).
 */

import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { productRoles } from "../graph/product-roles.ts";
import { layerOf } from "./layer.ts";

/** Products that share results, and what is computed from them in the same kernel. */
export interface ProductGroup {
  /** Equal for groups that one kernel may compute: they have the same left rows. */
  readonly cluster: string;
  readonly rows: readonly AxisName[];
  readonly over: readonly AxisName[];
  /** The products, in order. */
  readonly roots: readonly ValueId[];
  /** The values that are stored, in order; no more than there are products. */
  readonly ends: readonly ValueId[];
  /** What lies between the products and the ends, products included where they are no ends. */
  readonly inner: ReadonlySet<ValueId>;
}

/** The distinct users of each value. */
export type Users = readonly (readonly ValueId[])[];

/** All products of `graph` in groups. `required` values are stored. */
export function productGroups(
  graph: Graph,
  users: Users,
  required: ReadonlySet<ValueId>,
): readonly ProductGroup[] {
  const clusters = new Map<string, Cluster>();
  graph.nodes.forEach(({ op, origin }, index) => {
    if (op.kind !== "contract") return;
    const roles = productRoles(graph, valueId(index));
    const { rows, inner, batch, left } = roles;
    const alone = batch.length > 0 ? `#${index}` : "";
    const key = [left, inner.join(), rows.join(), layerOf(origin.path), alone].join("|");
    const cluster = clusters.get(key) ?? { key, rows, over: inner, roots: new Map() };
    cluster.roots.set(valueId(index), roles.columns);
    clusters.set(key, cluster);
  });
  // A value of products with different rows follows one of them; it reads the others from memory.
  const taken = new Set<ValueId>();
  return [...clusters.values()].flatMap((cluster) => {
    const groups = groupsOf(graph, users, { required, taken }, cluster);
    for (const { inner, ends } of groups) for (const id of [...inner, ...ends]) taken.add(id);
    return groups;
  });
}

interface Cluster {
  readonly key: string;
  readonly rows: readonly AxisName[];
  readonly over: readonly AxisName[];
  /** The products, with their columns. */
  readonly roots: Map<ValueId, readonly AxisName[]>;
}

function groupsOf(
  graph: Graph,
  users: Users,
  limits: { readonly required: ReadonlySet<ValueId>; readonly taken: ReadonlySet<ValueId> },
  cluster: Cluster,
): readonly ProductGroup[] {
  const found = new Set(reachable(graph, users, limits.taken, cluster).keys());
  const stops = new Set(limits.required);
  for (;;) {
    const groups = cut(graph, users, cluster, found, stops);
    const branching = groups.find(({ roots, ends }) => ends.length > roots.length);
    const stop = branching && firstBranch(users, branching);
    if (stop === undefined) return groups;
    stops.add(stop);
  }
}

/**
 * The values that are computed elementwise from the products and from what does not need them, each
 * with the axes of its columns in the order of the products'.
 */
function reachable(
  graph: Graph,
  users: Users,
  taken: ReadonlySet<ValueId>,
  cluster: Cluster,
): ReadonlyMap<ValueId, readonly AxisName[]> {
  const found = new Map<ValueId, readonly AxisName[]>(cluster.roots);
  const first = Math.min(...cluster.roots.keys());
  const waiting = new Set<ValueId>();
  const dependent = dependence(graph, cluster, first);
  for (const root of cluster.roots.keys()) for (const user of users[root] ?? []) waiting.add(user);
  while (waiting.size > 0) {
    const next = valueId(Math.min(...waiting));
    waiting.delete(next);
    if (taken.has(next)) continue;
    const columns = columnsOf(graph, nodeAt(graph, next), found, dependent);
    if (columns === undefined) continue;
    found.set(next, columns);
    for (const user of users[next] ?? []) waiting.add(user);
  }
  return found;
}

/** Says whether a value is computed from a product of the cluster. */
function dependence(graph: Graph, cluster: Cluster, first: number): (id: ValueId) => boolean {
  const known = new Map<ValueId, boolean>();
  const visit = (id: ValueId): boolean => {
    if (id < first) return false;
    const before = known.get(id);
    if (before !== undefined) return before;
    const depends = cluster.roots.has(id) || nodeAt(graph, id).args.some(visit);
    known.set(id, depends);
    return depends;
  };
  return visit;
}

/** The columns of a value that can follow the products; undefined if it cannot. */
function columnsOf(
  graph: Graph,
  node: Node,
  found: ReadonlyMap<ValueId, readonly AxisName[]>,
  dependent: (id: ValueId) => boolean,
): readonly AxisName[] | undefined {
  const { op, args, type } = node;
  const own = args.filter((arg) => found.has(arg));
  const [first] = own;
  const columns = first === undefined ? undefined : found.get(first);
  if (columns === undefined || type.element !== "float") return undefined;
  if (args.some((arg) => !found.has(arg) && dependent(arg))) return undefined;
  if (op.kind === "rename") {
    if (!columns.includes(op.from)) return undefined;
    return columns.map((axis) => (axis === op.from ? op.to : axis));
  }
  if (op.kind !== "map") return undefined;
  const same = own.every((arg) => found.get(arg)?.join() === columns.join());
  const rank = Math.max(...own.map((arg) => nodeAt(graph, arg).type.axes.length));
  return same && type.axes.length === rank ? columns : undefined;
}

/** Groups of the values of `found` where nothing follows what somebody else reads, or `stops`. */
function cut(
  graph: Graph,
  users: Users,
  cluster: Cluster,
  found: ReadonlySet<ValueId>,
  stops: ReadonlySet<ValueId>,
): readonly ProductGroup[] {
  const open = new Set(found);
  const goesOn = (id: ValueId): boolean => {
    const own = users[id] ?? [];
    return own.length > 0 && !stops.has(id) && own.every((user) => open.has(user));
  };
  const stays = (id: ValueId): boolean => {
    if (cluster.roots.has(id)) return true;
    const { op, args } = nodeAt(graph, id);
    // A view that ends an epilogue is better read in place.
    if (op.kind === "rename" && !goesOn(id)) return false;
    return args.every((arg) => !found.has(arg) || (open.has(arg) && goesOn(arg)));
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of open) if (!stays(id)) changed = open.delete(id);
  }
  return components(graph, cluster, open).map((members) => ({
    cluster: cluster.key,
    rows: cluster.rows,
    over: cluster.over,
    roots: members.filter((id) => cluster.roots.has(id)),
    ends: members.filter((id) => !goesOn(id)),
    inner: new Set(members.filter(goesOn)),
  }));
}

/** The members of `open` that belong together, each list in order. */
function components(
  graph: Graph,
  cluster: Cluster,
  open: ReadonlySet<ValueId>,
): readonly (readonly ValueId[])[] {
  const group = new Map<ValueId, Set<ValueId>>();
  for (const id of [...open].sort((a, b) => a - b)) {
    const args = cluster.roots.has(id) ? [] : nodeAt(graph, id).args;
    const joined = new Set(args.flatMap((arg) => group.get(arg) ?? []));
    const members = new Set([...joined].flatMap((each) => [...each]));
    members.add(id);
    for (const member of members) group.set(member, members);
  }
  return [...new Set(group.values())].map((members) => [...members].sort((a, b) => a - b));
}

/** The first value of a group that several others follow. */
function firstBranch(users: Users, group: ProductGroup): ValueId | undefined {
  return [...group.inner].sort((a, b) => a - b).find((id) => (users[id] ?? []).length > 1);
}
