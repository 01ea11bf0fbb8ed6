/**
 * How far discontinuous operations are from changing their mind. Two evaluations that differ by less
 * than the margin in the arguments take the same decisions; otherwise the comparison is a tie.
 */

import { applyTable, type MapFunction, type Op, type OpTable, placeFunctions } from "../op/op.ts";
import { floorRemainder } from "../op/special.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { rowsOver } from "./evaluate-reduce.ts";
import { align, countOf, type NamedTensor } from "./tensor.ts";
import { union } from "./result-type.ts";

/**
 * The smallest gap between what `op` decides between, over all its decisions: half of it is the
 * change of each argument that can turn one. Undefined for operations that decide nothing.
 */
export function marginOf(
  op: Op,
  args: readonly NamedTensor[],
  context: EvaluateContext,
): number | undefined {
  return applyTable(table, op, args, context);
}

type Rule = [readonly NamedTensor[], EvaluateContext];

const none = (): undefined => undefined;

const table: OpTable<Rule, number | undefined> = {
  input: none,
  weight: none,
  constant: none,
  table: none,
  size: none,
  index: none,
  measure: none,
  map: (op, args) => mapMargin(op.fn, args),
  reduce: (op, args) => (placeFunctions.has(op.fn) ? orderMargin(args, op.over, 1) : undefined),
  cumulative: none,
  contract: none,
  rename: none,
  split: none,
  merge: none,
  slice: none,
  select: none,
  join: none,
  stack: none,
  attend: none,
  // The values themselves change continuously; which rows they come from does not.
  top: (op, args, context) =>
    op.result === "indices" ? orderMargin(args, [op.axis], context.extent(op.into)) : undefined,
  sort: (op, args, context) =>
    op.result === "indices" ? orderMargin(args, [op.axis], context.extent(op.axis)) : undefined,
  state: none,
  append: none,
};

/** The smallest gap between neighbours among the `count + 1` first in order. */
function orderMargin(
  args: readonly NamedTensor[],
  over: readonly string[],
  count: number,
): number | undefined {
  const [x] = args;
  if (x === undefined || x.element !== "float") return undefined;
  const rows = rowsOver(x, over);
  let margin = Number.POSITIVE_INFINITY;
  for (let row = 0; row < rows.count; row++) {
    const numbers = rows.data.slice(row * rows.length, (row + 1) * rows.length).sort();
    const from = Math.max(1, numbers.length - count);
    for (let i = from; i < numbers.length; i++)
      margin = Math.min(margin, gap(numbers[i] ?? 0, numbers[i - 1] ?? 0));
  }
  return margin;
}

function mapMargin(fn: MapFunction, args: readonly NamedTensor[]): number | undefined {
  const [a, b] = args;
  if (a === undefined || a.element !== "float") return undefined;
  switch (fn) {
    case "floor":
    case "ceil":
    case "int":
      return smallest(a.data, (x) => 2 * Math.abs(x - Math.round(x)));
    case "round":
      return smallest(a.data, (x) => 2 * Math.abs(floorRemainder(x, 1) - 0.5));
    case "less":
    case "less_equal":
    case "equal":
    case "not_equal":
      return b === undefined ? undefined : comparisonMargin(a, b);
    default:
      return undefined;
  }
}

function comparisonMargin(a: NamedTensor, b: NamedTensor): number {
  const axes = union([a.axes, b.axes]);
  const shape = axes.map((axis) => {
    const owner = a.axes.includes(axis) ? a : b;
    return owner.shape[owner.axes.indexOf(axis)] ?? 0;
  });
  const [left, right] = [align(a, axes, shape), align(b, axes, shape)];
  let margin = Number.POSITIVE_INFINITY;
  for (let i = 0; i < countOf(shape); i++)
    margin = Math.min(margin, gap(left[i] ?? 0, right[i] ?? 0));
  return margin;
}

/** Equal infinities are 0 apart. */
function gap(a: number, b: number): number {
  return a === b ? 0 : Math.abs(a - b);
}

function smallest(data: Float64Array, distance: (x: number) => number): number {
  let margin = Number.POSITIVE_INFINITY;
  for (const x of data) margin = Math.min(margin, distance(x));
  return margin;
}
