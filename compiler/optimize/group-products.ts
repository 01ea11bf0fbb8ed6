/** Brings rows together that choose the same stored matrix. */

import type { GraphBuilder } from "../graph/build.ts";
import type { Graph, Node, ValueId } from "../graph/graph.ts";
import { type Indexed, indexedRows } from "../graph/indexed.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, type Dimension, productOf } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import { equalTypes } from "../op/type.ts";
import { removeDead } from "./remove-dead.ts";
import { share } from "./share.ts";

/**
 * A product whose right operand is chosen for each row (`w[Expert = choice]`) becomes one over rows
 * sorted by their choice, so that those of one matrix stand together and its kernel reads each matrix
 * once for many rows (a grouped product, `kernel/lower/product-grouped.ts`); the result goes back to
 * the order that the rows had.
 *
 * Sound because a product is independent along its batch axes: the rows are permuted, multiplied, and
 * permuted back. Applies where the choice has all batch axes of the product and their number changes
 * from run to run. Runs on the graphs of phases, since a row's place among the sorted depends on all
 * rows, and what could be cached would not be any more.
 */
export function groupProducts(graph: Graph): Graph {
  let found = false;
  const grouped = rewriteGraph(graph, "groupProducts", (node, _old, builder) => {
    const product = productOfChoice(node, builder);
    const result = product && permuted(product, node, builder);
    if (result === undefined || !equalTypes(builder.typeOf(result), node.type)) return undefined;
    found = true;
    return result;
  });
  return found ? removeDead(share(grouped)) : graph;
}

interface ChosenProduct {
  readonly op: Extract<Op, { kind: "contract" }>;
  readonly x: ValueId;
  readonly chosen: Indexed;
  readonly isFirst: boolean;
}

function productOfChoice(node: Node, builder: GraphBuilder): ChosenProduct | undefined {
  const [a, b] = node.args;
  if (node.op.kind !== "contract" || a === undefined || b === undefined) return undefined;
  const at = (id: ValueId): Node => builder.nodeOf(id);
  const [left, right] = [indexedRows(at, a), indexedRows(at, b)];
  const chosen = right ?? left;
  if (chosen === undefined) return undefined;
  const x = right === undefined ? b : a;
  const own = builder.typeOf(x).axes.filter((axis) => !sums(node.op, axis));
  const isFewer = own.every((axis) => chosen.places.includes(axis));
  const size = pairsOf(builder, chosen.places);
  if (!isFewer || asConstant(size) !== undefined) return undefined;
  return { op: node.op, x, chosen, isFirst: right === undefined };
}

function sums(op: Op, axis: AxisName): boolean {
  return op.kind === "contract" && op.over.includes(axis);
}

function pairsOf(builder: GraphBuilder, axes: readonly AxisName[]): Dimension {
  return productOf(axes.map((axis) => builder.axis(axis)?.size ?? productOf([])));
}

function permuted(product: ChosenProduct, { origin }: Node, builder: GraphBuilder): ValueId {
  const { op, x, chosen, isFirst } = product;
  const { places, axis } = chosen;
  const make = (each: Op, ...args: ValueId[]): ValueId => builder.node(each, args, origin);
  const pair = pairAxis(builder, places);
  const flat = (id: ValueId): ValueId => make({ kind: "merge", axes: places, into: pair }, id);
  const choice = flat(chosen.index);
  const sort = (id: ValueId, result: "values" | "indices"): ValueId =>
    make({ kind: "sort", axis: pair, result }, id);
  const order = sort(choice, "indices");
  const sorted = rowsInOrder(builder, make, x, places, order, flat, pair);
  const source = make(
    { kind: "select", axis, padded: false },
    chosen.source,
    sort(choice, "values"),
  );
  const together = isFirst ? make(op, source, sorted) : make(op, sorted, source);
  // Where each row went: sorting the order gives the inverse permutation.
  const back = sort(order, "indices");
  const rows = make({ kind: "select", axis: pair, padded: false }, together, back);
  return make({ kind: "split", axis: pair, into: places }, rows);
}

/** `x` with its rows in the order of the pairs of `order`. */
function rowsInOrder(
  builder: GraphBuilder,
  make: (op: Op, ...args: ValueId[]) => ValueId,
  x: ValueId,
  places: readonly AxisName[],
  order: ValueId,
  flat: (id: ValueId) => ValueId,
  pair: AxisName,
): ValueId {
  const own = places.filter((axis) => builder.typeOf(x).axes.includes(axis));
  if (own.length === places.length) {
    return make({ kind: "select", axis: pair, padded: false }, flat(x), order);
  }
  const size = (axis: AxisName): ValueId => {
    const extent = builder.axis(axis)?.size ?? productOf([]);
    const value = asConstant(extent);
    return value === undefined
      ? make({ kind: "size", size: extent })
      : make({ kind: "constant", element: "int", value });
  };
  return own.reduce((rows, axis) => {
    const after = places.slice(places.indexOf(axis) + 1);
    const before = after.reduce(
      (index, each) => make({ kind: "map", fn: "floor_divide" }, index, size(each)),
      order,
    );
    const digit =
      places[0] === axis ? before : make({ kind: "map", fn: "remainder" }, before, size(axis));
    return make({ kind: "select", axis, padded: false }, rows, digit);
  }, x);
}

/** The axis of all pairs of places, the same for all products of the same places. */
function pairAxis(builder: GraphBuilder, places: readonly AxisName[]): AxisName {
  const name = `${places.join(" × ")}`;
  const size = pairsOf(builder, places);
  if (builder.axis(name) !== undefined) return name;
  const label = places.map((axis) => builder.axis(axis)?.label ?? axis).join("");
  return builder.addAxis({ name, label, size, lineage: { kind: "own" }, segments: [] });
}
