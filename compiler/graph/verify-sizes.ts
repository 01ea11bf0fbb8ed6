/** What must hold of axis sizes in each operation, beyond what its type already says. */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import {
  asConstant,
  constant,
  type Dimension,
  equalDimensions,
  productOf,
  showDimension,
  subtract,
  sumOf,
} from "../op/dimension.ts";
import { applyTable, type AttendOp, type Op, type OpTable } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";
import { type Graph, sizeOf } from "./graph.ts";

/** Throws unless the sizes that `op` relates fit. Needs a well-typed application. */
export function verifySizes(graph: Graph, op: Op, args: readonly TensorType[]): void {
  applyTable(table, op, graph, args);
}

type Rule = [Graph, readonly TensorType[]];

const nothing = (): void => {};

const table: OpTable<Rule, void> = {
  input: nothing,
  weight: (op, graph) => {
    const info = graph.weights.get(op.name);
    for (const axis of info?.axes ?? []) constantSize(graph, axis);
  },
  constant: (op) => {
    if (op.element === "int") int32(op.value);
    if (op.element === "bool") invariant(op.value === 0 || op.value === 1, "a bool is 0 or 1");
  },
  table: (op, graph) => {
    const count = op.axes.reduce((product, axis) => product * constantSize(graph, axis), 1);
    invariant(op.data.length === count, `${op.data.length} numbers for ${count} places`);
  },
  size: (op) =>
    invariant(asConstant(op.size) === undefined, "a size that is constant is a `constant`"),
  index: nothing,
  measure: nothing,
  map: nothing,
  reduce: (op) => distinct(op.over),
  cumulative: nothing,
  contract: (op, graph) => {
    distinct(op.over);
    for (const axis of op.over) constantSize(graph, axis);
  },
  rename: (op, graph) => same(graph, sizeOf(graph, op.to), sizeOf(graph, op.from)),
  split: (op, graph) => same(graph, product(graph, op.into), sizeOf(graph, op.axis)),
  merge: (op, graph) => {
    distinct(op.axes);
    same(graph, product(graph, op.axes), sizeOf(graph, op.into));
  },
  slice: (op, graph) => {
    const room = subtract(sizeOf(graph, op.axis), sumOf([op.start, sizeOf(graph, op.into)]));
    const late = -(asConstant(room) ?? 0);
    invariant(late <= 0, `the slice ends ${late} rows after the last`);
    invariant((asConstant(op.start) ?? 0) >= 0, "the slice starts before the first row");
  },
  select: nothing,
  join: (op, graph) => {
    const total = sumOf(op.parts.map((part) => sizeOf(graph, part)));
    same(graph, total, sizeOf(graph, op.into));
  },
  stack: (op, graph, args) => same(graph, constant(args.length), sizeOf(graph, op.into)),
  attend: (op, graph) => verifyAttend(op, graph),
  top: (op, graph) => {
    const count = constantSize(graph, op.into);
    const size = asConstant(sizeOf(graph, op.axis));
    invariant(size === undefined || count <= size, `the top ${count} of ${size} rows`);
  },
  sort: nothing,
  state: nothing,
  append: nothing,
};

function verifyAttend(op: AttendOp, graph: Graph): void {
  constantSize(graph, op.contracted);
  invariant(Number.isFinite(op.scale), `the scale is ${op.scale}`);
  distinct(op.parts.map((part) => part.axis));
  if (op.group === undefined) return;
  const heads = asConstant(sizeOf(graph, op.group.query));
  const groups = asConstant(sizeOf(graph, op.group.key));
  invariant(
    heads !== undefined && groups !== undefined && groups > 0 && heads % groups === 0,
    `${op.group.key} does not divide ${op.group.query}`,
  );
}

function same(graph: Graph, left: Dimension, right: Dimension): void {
  invariant(
    equalDimensions(left, right),
    `in ${graph.name}, ${showDimension(left)} rows meet ${showDimension(right)}`,
  );
}

function product(graph: Graph, axes: readonly AxisName[]): Dimension {
  return productOf(axes.map((axis) => sizeOf(graph, axis)));
}

function constantSize(graph: Graph, axis: AxisName): number {
  const size = asConstant(sizeOf(graph, axis));
  invariant(
    size !== undefined && Number.isInteger(size) && size >= 0,
    `the size of ${axis} is not a constant`,
  );
  return size;
}

function distinct(axes: readonly AxisName[]): void {
  invariant(new Set(axes).size === axes.length, `an axis is named twice: ${axes.join(", ")}`);
}

function int32(value: number): void {
  invariant(value === (value | 0), `${value} is no 32-bit integer`);
}
