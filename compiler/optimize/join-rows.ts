/** Which parts of a join hold the rows that a slice takes. */

import { type Graph, sizeOf } from "../graph/graph.ts";
import { add, constant, type Dimension, equalDimensions, subtract } from "../op/dimension.ts";
import type { OpOf } from "../op/op.ts";
import type { Step } from "./row-path.ts";

/** Which parts of a join a slice takes: some rows of one part, or several whole parts. */
export type JoinRows =
  | { readonly kind: "within"; readonly part: number; readonly start: Dimension }
  | { readonly kind: "parts"; readonly first: number; readonly last: number }
  | { readonly kind: "across" };

/** Whether `step` takes all rows of the part `rows.part`. */
export function isWholePart(
  graph: Graph,
  op: OpOf<"join">,
  rows: { readonly part: number },
  step: Step,
): boolean {
  const part = op.parts[rows.part];
  return part !== undefined && equalDimensions(sizeOf(graph, part), sizeOf(graph, step.into));
}

/** The parts that `step` takes of the join `op`; `joins` remembers the answers. */
export function joinRows(
  op: OpOf<"join">,
  step: Step,
  graph: Graph,
  joins: Map<string, JoinRows>,
): JoinRows {
  const key = `${op.parts.join(" ")} ${step.key}`;
  const known = joins.get(key);
  if (known !== undefined) return known;
  const rows = findJoinRows(op, step, graph);
  joins.set(key, rows);
  return rows;
}

function findJoinRows(op: OpOf<"join">, step: Step, graph: Graph): JoinRows {
  const end = add(step.start, sizeOf(graph, step.into));
  const bounds = boundsOf(graph, op);
  for (const part of op.parts.keys()) {
    const [low, high] = [bounds[part], bounds[part + 1]];
    if (low === undefined || high === undefined || !isWithin(step.start, end, low, high)) continue;
    return { kind: "within", part, start: subtract(step.start, low) };
  }
  const first = bounds.findIndex((bound) => equalDimensions(bound, step.start));
  const last = bounds.findIndex((bound) => equalDimensions(bound, end));
  return first < 0 || last <= first ? { kind: "across" } : { kind: "parts", first, last };
}

/** Where the parts of a join begin, and the end. */
function boundsOf(graph: Graph, op: OpOf<"join">): readonly Dimension[] {
  let end = constant(0);
  return [end, ...op.parts.map((part) => (end = add(end, sizeOf(graph, part))))];
}

/** Whether rows `start … end` surely lie in `low … high`; rows that exist share an end with it. */
function isWithin(start: Dimension, end: Dimension, low: Dimension, high: Dimension): boolean {
  return isNonNegative(subtract(start, low)) && isNonNegative(subtract(high, end));
}

/** Whether `size` is at least 0 for all sizes of its symbols. */
export function isNonNegative(size: Dimension): boolean {
  return size.terms.every((term) => term.numerator >= 0);
}
