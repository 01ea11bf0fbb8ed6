/**
 * Reductions of the same rows that feed each other, and what is computed from them: one kernel that
 * goes over a row several times while it is near, instead of one for each (a layer norm: mean, variance,
 * scale; a softmax written out: largest, sum, quotient).
 */

import { type Graph, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, productOf } from "../op/dimension.ts";
import { placeFunctions } from "../op/op.ts";
import type { Epilogues } from "./epilogues.ts";
import type { RowStep } from "./region.ts";
import type { Users } from "./users.ts";

/** Longer rows are better shared by many groups, kernel by kernel. */
const longest = 16384;

/** By value that is stored: what its kernel computes first, in order. */
export type RowGroups = ReadonlyMap<ValueId, readonly RowStep[]>;

/** What is known when groups are looked for. */
export interface RowFacts {
  readonly users: Users;
  readonly required: ReadonlySet<ValueId>;
  readonly epilogues: Epilogues;
}

/** Finds the groups, and takes what they compute out of `stored`. */
export function takeRowGroups(
  graph: Graph,
  facts: RowFacts,
  stored: Map<ValueId, string>,
): RowGroups {
  const groups = new Map<ValueId, readonly RowStep[]>();
  // The last value first: its group may hold what would end a smaller one.
  for (const end of [...stored.keys()].sort((a, b) => b - a)) {
    if (!stored.has(end)) continue;
    const found = groupOf(graph, facts, stored, end);
    const reductions = found.filter(({ root }) => nodeAt(graph, root).op.kind === "reduce");
    if (reductions.length < (reductionOf(graph, facts, end) === undefined ? 1 : 2)) continue;
    groups.set(end, found);
    for (const { result } of found) if (result !== end) stored.delete(result);
  }
  return groups;
}

/** The rows of a reduction, and what it goes over. */
interface Rows {
  readonly rows: readonly AxisName[];
  readonly over: readonly AxisName[];
}

function groupOf(
  graph: Graph,
  facts: RowFacts,
  stored: ReadonlyMap<ValueId, string>,
  end: ValueId,
): readonly RowStep[] {
  const own = reductionOf(graph, facts, end);
  const { op } = nodeAt(graph, end);
  if (own === undefined && (op.kind !== "map" || facts.epilogues.roots.has(end))) return [];
  const refused = new Set<ValueId>();
  for (;;) {
    const { included, steps } = collect(graph, facts, stored, end, refused);
    const inside = (id: ValueId): boolean => id === end || included.has(id);
    const left = steps.filter(({ result }) => result !== end);
    const leaves = left.filter(({ result }) => !staysInside(facts, result, end, inside));
    if (leaves.length === 0) return steps;
    for (const { result } of leaves) refused.add(result);
  }
}

/** Whether all that follows from a value, up to `end`, is computed inside. */
function staysInside(
  { users, required }: RowFacts,
  value: ValueId,
  end: ValueId,
  inside: (id: ValueId) => boolean,
): boolean {
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): boolean => {
    if (id === end || seen.has(id)) return true;
    seen.add(id);
    const own = users[id] ?? [];
    return !required.has(id) && own.length > 0 && own.every((user) => inside(user) && visit(user));
  };
  return visit(value);
}

/**
 * The values that the kernel of `end` computes where it needs them, reached through elementwise
 * operations alone (so that all of them are at the same element), and the steps among them in order.
 */
function collect(
  graph: Graph,
  facts: RowFacts,
  stored: ReadonlyMap<ValueId, string>,
  end: ValueId,
  refused: ReadonlySet<ValueId>,
): { readonly included: ReadonlySet<ValueId>; readonly steps: readonly RowStep[] } {
  const included = new Set<ValueId>();
  const steps: RowStep[] = [];
  const waiting: ValueId[] = [];
  const own = reductionOf(graph, facts, end);
  let shape: Rows | undefined = own && rowsOf(graph, own.root);
  const visit = (id: ValueId): void => {
    if (included.has(id)) return;
    const { op, args } = nodeAt(graph, id);
    if (refused.has(id)) return;
    if (stored.has(id) && id !== end) {
      const reduction = reductionOf(graph, facts, id);
      if (reduction !== undefined) reduce(reduction);
      else if (op.kind !== "map" || facts.epilogues.roots.has(id)) return;
      // What a row is is known from the first reduction.
      else if (shape === undefined) waiting.push(id);
      else if (spans(graph, id, shape)) enter({ root: id, result: id });
      return;
    }
    if (op.kind !== "map") return;
    included.add(id);
    for (const arg of args) visit(arg);
  };
  const reduce = (reduction: RowStep): void => {
    const rows = rowsOf(graph, reduction.root);
    if (rows === undefined || (shape === undefined && !spans(graph, end, rows))) return;
    shape ??= rows;
    if (sameRows(shape, rows)) enter(reduction);
  };
  /** A step, what lies between its root and its result, and before it what it reads. */
  const enter = (step: RowStep): void => {
    for (const id of chainOf(graph, step)) {
      included.add(id);
      for (const arg of nodeAt(graph, id).args) if (!included.has(arg)) visit(arg);
    }
    steps.push(step);
  };
  if (own === undefined) visit(end);
  else if (shape !== undefined) enter(own);
  if (shape !== undefined) for (const id of waiting) visit(id);
  return { included, steps: steps.sort((a, b) => a.result - b.result) };
}

/** The nodes from the root of a step to its result. */
function chainOf(graph: Graph, { root, result }: RowStep): readonly ValueId[] {
  const chain = new Set<ValueId>([root]);
  for (let id = root + 1; id <= result; id++) {
    const value = valueId(id);
    if (nodeAt(graph, value).args.some((arg) => chain.has(arg))) chain.add(value);
  }
  return [...chain];
}

/** The reduction that a stored value is, or is the epilogue of. */
function reductionOf(graph: Graph, { epilogues }: RowFacts, id: ValueId): RowStep | undefined {
  const root = epilogues.roots.get(id) ?? id;
  const { op, type } = nodeAt(graph, root);
  if (op.kind !== "reduce" || placeFunctions.has(op.fn) || type.element !== "float")
    return undefined;
  return { root, result: id };
}

/** The rows of a reduction; undefined where they have no constant length, or are long. */
function rowsOf(graph: Graph, root: ValueId): Rows | undefined {
  const { op, args, type } = nodeAt(graph, root);
  const [source] = args;
  if (op.kind !== "reduce" || source === undefined) return undefined;
  const { axes } = nodeAt(graph, source).type;
  const over = axes.filter((axis) => op.over.includes(axis));
  const length = asConstant(productOf(over.map((axis) => sizeOf(graph, axis))));
  if (length === undefined || length > longest || over.length !== op.over.length) return undefined;
  return { rows: type.axes, over };
}

/** Whether a value has a number for each element of the rows. */
function spans(graph: Graph, id: ValueId, { rows, over }: Rows): boolean {
  return sameAxes(nodeAt(graph, id).type.axes, [...rows, ...over]);
}

function sameRows(a: Rows, b: Rows): boolean {
  return sameAxes(a.rows, b.rows) && a.over.join() === b.over.join();
}

function sameAxes(a: readonly AxisName[], b: readonly AxisName[]): boolean {
  return a.length === b.length && a.every((axis) => b.includes(axis));
}
