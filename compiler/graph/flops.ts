/**
 * Floating-point operations of a graph as papers count them: a multiply-add is 2, attention scores are
 * dense over the query and key rows of each part, moving numbers costs nothing.
 */

import type { AxisName } from "../op/axis.ts";
import { constant, type Dimension, multiply, productOf, sumOf } from "../op/dimension.ts";
import { applyTable, type AttendOp, type OpTable } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";
import { type Graph, type Node, nodeAt, sizeOf } from "./graph.ts";

/** The operations of one node, a polynomial in the run-time sizes. */
export function nodeFlops(graph: Graph, node: Node): Dimension {
  const args = node.args.map((arg) => nodeAt(graph, arg).type);
  return applyTable(table, node.op, { graph, type: node.type, args });
}

/** The operations of all nodes that `counts` accepts; of all nodes without it. */
export function graphFlops(graph: Graph, counts: (node: Node) => boolean = () => true): Dimension {
  return sumOf(graph.nodes.filter(counts).map((node) => nodeFlops(graph, node)));
}

interface Context {
  readonly graph: Graph;
  readonly type: TensorType;
  readonly args: readonly TensorType[];
}

const none = (): Dimension => constant(0);
const perElement = (_op: unknown, context: Context): Dimension =>
  count(context.graph, context.type.axes);
const perArgument = (_op: unknown, { graph, args }: Context): Dimension =>
  count(graph, args[0]?.axes ?? []);

const table: OpTable<[Context], Dimension> = {
  input: none,
  weight: none,
  constant: none,
  table: none,
  size: none,
  index: none,
  measure: none,
  map: perElement,
  reduce: perArgument,
  cumulative: perElement,
  contract: (op, { graph, type }) =>
    productOf([constant(2), count(graph, type.axes), count(graph, op.over)]),
  rename: none,
  split: none,
  merge: none,
  slice: none,
  select: none,
  join: none,
  stack: none,
  attend: (op, context) => attendFlops(op, context),
  top: none,
  sort: none,
  state: none,
  append: none,
};

/** Scores and the weighted sum of values: 2 · q · k · (contracted + value) for each head. */
function attendFlops(op: AttendOp, { graph, args }: Context): Dimension {
  const query = args[0]?.axes ?? [];
  const heads = query.filter((axis) => axis !== op.query && axis !== op.contracted);
  const widths = op.result === "output" ? [op.contracted, op.value] : [op.contracted];
  const width = sumOf(widths.map((axis) => sizeOf(graph, axis)));
  const keys = sumOf(op.parts.map((part) => sizeOf(graph, part.axis)));
  const rows = count(graph, [op.query, ...heads]);
  return productOf([constant(2), rows, multiply(keys, width)]);
}

function count(graph: Graph, axes: readonly AxisName[]): Dimension {
  return productOf(axes.map((axis) => sizeOf(graph, axis)));
}
