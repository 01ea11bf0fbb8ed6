/** What a node names: the axes of its operation and result. Used by printing, verifying, rewriting. */

import type { AxisName } from "../op/axis.ts";
import { applyTable, type Op, type OpTable } from "../op/op.ts";
import type { Node } from "./graph.ts";

/** The axes that `node` mentions, those of its type included; with repetitions. */
export function axesOf(node: Node): readonly AxisName[] {
  return [...node.type.axes, ...axesOfOp(node.op)];
}

/** The axes that an operation itself mentions. */
export function axesOfOp(op: Op): readonly AxisName[] {
  return applyTable(table, op);
}

const table: OpTable<[], readonly AxisName[]> = {
  input: () => [],
  weight: () => [],
  constant: () => [],
  table: (op) => op.axes,
  size: () => [],
  index: (op) => [op.axis],
  measure: () => [],
  map: () => [],
  reduce: (op) => op.over,
  cumulative: (op) => [op.axis],
  contract: (op) => op.over,
  rename: (op) => [op.from, op.to],
  split: (op) => [op.axis, ...op.into],
  merge: (op) => [...op.axes, op.into],
  slice: (op) => [op.axis, op.into],
  select: (op) => [op.axis],
  join: (op) => [...op.parts, op.into],
  stack: (op) => [op.into],
  attend: (op) => [
    op.query,
    op.contracted,
    op.value,
    ...(op.group === undefined ? [] : [op.group.query, op.group.key]),
    ...op.parts.map((part) => part.axis),
  ],
  top: (op) => [op.axis, op.into],
  sort: (op) => [op.axis],
  state: (op) => op.type.axes,
  append: (op) => [op.axis, op.into],
};
