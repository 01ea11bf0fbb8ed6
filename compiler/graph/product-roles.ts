/** Which axes of a matrix product are its batch, rows, columns and inner axes. */

import { invariant } from "../../grammar/invariant.ts";
import type { AxisName } from "../op/axis.ts";
import { type Graph, nodeAt, type ValueId } from "./graph.ts";
import { indexedRows } from "./indexed.ts";

/** The roles of a product's axes, in the order of the result's (or the left operand's) axes. */
export interface ProductRoles {
  readonly left: ValueId;
  readonly right: ValueId;
  readonly batch: readonly AxisName[];
  readonly rows: readonly AxisName[];
  readonly columns: readonly AxisName[];
  readonly inner: readonly AxisName[];
}

/**
 * The axis of the rows of a grouped product: one whose right operand is chosen for each row, by an
 * index over rows that stand together if they choose alike (`optimize/group-products.ts`).
 */
export function groupedAxis(graph: Graph, root: ValueId): AxisName | undefined {
  const { right, batch, rows } = productRoles(graph, root);
  const chosen = indexedRows((id) => nodeAt(graph, id), right);
  const [axis, more] = batch;
  if (chosen === undefined || axis === undefined || more !== undefined) return undefined;
  const [place, other] = chosen.places;
  const index = nodeAt(graph, chosen.index).op;
  const isSorted = index.kind === "sort" && index.axis === axis && index.result === "values";
  return isSorted && place === axis && other === undefined && rows.length === 0 ? axis : undefined;
}

/** The roles of the axes of the product `root`. */
export function productRoles(graph: Graph, root: ValueId): ProductRoles {
  const node = nodeAt(graph, root);
  const [first, second] = node.args;
  invariant(
    node.op.kind === "contract" && first !== undefined && second !== undefined,
    "a product",
  );
  const inner = node.op.over;
  const axesOf = (id: ValueId): readonly AxisName[] => nodeAt(graph, id).type.axes;
  // The operand that has the result's last axis gives the columns, so that stores are consecutive.
  const last = node.type.axes.at(-1);
  const [left, right] =
    last !== undefined && !axesOf(second).includes(last) && axesOf(first).includes(last)
      ? [second, first]
      : [first, second];
  const inLeft = new Set(axesOf(left));
  const inRight = new Set(axesOf(right));
  return {
    left,
    right,
    batch: node.type.axes.filter((axis) => inLeft.has(axis) && inRight.has(axis)),
    rows: node.type.axes.filter((axis) => inLeft.has(axis) && !inRight.has(axis)),
    columns: node.type.axes.filter((axis) => !inLeft.has(axis) && inRight.has(axis)),
    inner: axesOf(right).filter((axis) => inner.includes(axis)),
  };
}
