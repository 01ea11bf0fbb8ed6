/**
 * The rows that the groups of a product go through in order (`RowBlocks`): those of an input that is its
 * left operand, and those of outputs. A CPU takes an input in and gives an output out while threads
 * compute other rows.
 */

import type { RowBlocks } from "../../../runtime/contract.ts";
import { type BufferSource, resultsOf, sourceKey, type Store } from "../../fusion/region.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { asConstant, constant, type Dimension, productOf } from "../../op/dimension.ts";
import type { Context } from "./context.ts";
import type { Product } from "./product.ts";
import { sourceOf } from "./read.ts";

/**
 * What the groups of `product` touch of its input and its outputs, where each `groups` of them compute
 * the next `rows` rows of all columns; undefined if that is nothing in order.
 */
export function rowBlocksOf(
  context: Context,
  product: Product,
  rows: number,
  groups: Dimension,
): RowBlocks | undefined {
  const count = asConstant(groups);
  if (count === undefined || asConstant(product.batch) !== 1) return undefined;
  const elements = new Map<string, number>();
  const add = (source: BufferSource, value: ValueId, rowAxes: readonly AxisName[]): void => {
    const { axes } = nodeAt(context.graph, value).type;
    const isFirst = rowAxes.every((axis, index) => axes[index] === axis);
    const width = asConstant(
      productOf([constant(1), ...axes.slice(rowAxes.length).map((axis) => context.extent(axis))]),
    );
    const key = sourceKey(source);
    const found = context.bindings.find((each) => sourceKey(each.source) === key);
    if (!isFirst || width === undefined || found === undefined) return;
    elements.set(found.parameter.name, rows * width);
  };
  const left = leftOf(context, product);
  const source = sourceOf(context, left.value);
  if (source?.kind === "input" && !readsBeside(context, product, left.value))
    add(source, left.value, left.rowAxes);
  for (const { store } of resultsOf(product.region))
    if (isOutput(context, store)) add(store.target, store.value, product.rowAxes);
  return elements.size === 0
    ? undefined
    : { groups: count, elements: Object.fromEntries(elements) };
}

/** The left operand under other names of its axes. */
function leftOf(
  { graph, stored }: Context,
  product: Product,
): { readonly value: ValueId; readonly rowAxes: readonly AxisName[] } {
  let [value, rowAxes] = [product.left, product.rowAxes];
  for (;;) {
    const { op, args } = nodeAt(graph, value);
    const [arg] = args;
    if (op.kind !== "rename" || stored(value) || arg === undefined) return { value, rowAxes };
    rowAxes = rowAxes.map((axis) => (axis === op.to ? op.from : axis));
    value = arg;
  }
}

/** Whether results are computed from `wanted` in another way than by their products. */
function readsBeside({ graph, stored }: Context, { region }: Product, wanted: ValueId): boolean {
  const seen = new Set<ValueId>();
  const reads = (id: ValueId): boolean => {
    if (id === wanted) return true;
    if (seen.has(id)) return false;
    seen.add(id);
    const { op, args } = nodeAt(graph, id);
    return (
      op.kind !== "contract" && args.some((arg) => arg === wanted || (!stored(arg) && reads(arg)))
    );
  };
  return resultsOf(region).some(({ result }) => reads(result));
}

function isOutput({ graph }: Context, { value, rows }: Store): boolean {
  return rows.length === 0 && graph.outputs.some((output) => output.value === value);
}
