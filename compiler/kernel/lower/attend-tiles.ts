/**
 * Pieces that all lowerings of attention write: tiles in blocks, what running rows start from, and
 * stores of results.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { asConstant } from "../../op/dimension.ts";
import type { AttendOp } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import {
  loop,
  storeArray,
  tile as declareTile,
  tileAssign,
  tileEach,
  when,
} from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Attention } from "./attend-rows.ts";
import type { Context, Coordinates } from "./context.ts";
import { compute, read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import { storeTo } from "./store.ts";

/** The value of an element of a tile. */
export type TileValue = (row: Expr, column: Expr) => Expr;

/** Declares a tile of `value`; the result is its name. */
export function fill(
  context: Context,
  wanted: string,
  rows: number,
  columns: number,
  value: TileValue,
  out: Statement[],
): string {
  const [name, row, column] = [
    context.fresh(wanted),
    context.fresh("row"),
    context.fresh("column"),
  ];
  const elements = value(build.variable(row), build.variable(column));
  out.push(declareTile(name, rows, columns, elements, row, column));
  return name;
}

/** Sets each element of a tile. */
export function refill(context: Context, name: string, value: TileValue): Statement {
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  return tileAssign(name, value(build.variable(row), build.variable(column)), row, column);
}

/** Stores each element of a tile in a group array. */
export function keep(context: Context, tile: string, array: string, index: TileValue): Statement {
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const at = index(build.variable(row), build.variable(column));
  return tileEach(tile, row, column, [storeArray(array, at, build.element(tile))]);
}

/**
 * Loops over `[0, width)` in blocks: as many of the first size of `sizes` as fit, then of the next,
 * down to one.
 */
export function inBlocks(
  context: Context,
  width: number,
  sizes: readonly number[],
  body: (start: Expr, size: number) => readonly Statement[],
): readonly Statement[] {
  const out: Statement[] = [];
  let from = 0;
  for (const size of [...sizes, 1]) {
    const to = width - ((width - from) % size);
    if (to === from) continue;
    const start = context.fresh("start");
    out.push(loop(start, from, to, body(build.variable(start), size), size));
    from = to;
  }
  return out;
}

/** The coordinates of element `column` of a value row. */
export function valueColumn({ context, op }: Attention, column: Expr): Coordinates {
  const extent = context.extent(op.value);
  return new Map([[op.value, affineOf({ key: "value", expr: column, extent })]]);
}

/** The coordinates of element `column` of a query or key row. */
export function depthColumn({ context, op }: Attention, column: Expr): Coordinates {
  const extent = context.extent(op.contracted);
  return new Map([[op.contracted, affineOf({ key: "depth", expr: column, extent })]]);
}

/**
 * Stores the results of a tile: `raw` of each row and column, sent through the region's epilogue.
 * What is not `inside` is left alone.
 */
export function storeRows(
  attention: Attention,
  rows: number,
  columns: number,
  place: (row: Expr) => Coordinates,
  column: (column: Expr) => Coordinates,
  raw: TileValue,
  inside?: TileValue,
): readonly Statement[] {
  const { context, region } = attention;
  const out: Statement[] = [];
  const result = fill(
    context,
    "result",
    rows,
    columns,
    (r, c) => {
      const known = new Map([[region.root, raw(r, c)]]);
      return compute(context, region.result, new Map([...place(r), ...column(c)]), known);
    },
    out,
  );
  const [r, c] = [context.fresh("row"), context.fresh("column")];
  const target = new Map([...place(build.variable(r)), ...column(build.variable(c))]);
  const store = storeTo(context, region.store, target, build.element(result));
  const guard = inside?.(build.variable(r), build.variable(c));
  return [...out, tileEach(result, r, c, guard === undefined ? [store] : [when(guard, [store])])];
}

/** Whether `size` is known to be a multiple of `step`. */
export function isMultiple(size: Parameters<typeof asConstant>[0], step: number): boolean {
  const value = asConstant(size);
  return value !== undefined && value % step === 0;
}

/** What the running maximum starts from; the logit of a hidden pair is far below. */
export const floor: number = lowest / 2;

/**
 * What products of queries and keys are multiplied by to be logits: the scale and, for a softmax
 * without a score, what makes powers of e powers of two.
 */
export function logitFactor({ op }: Attention): number {
  return isInBaseTwo(op) && op.score === undefined ? op.scale * Math.LOG2E : op.scale;
}

/** A logit as the online softmax takes it: a power of two. */
export function asPower({ op }: Attention, logit: Expr): Expr {
  const isDue = isInBaseTwo(op) && op.score !== undefined;
  return isDue ? build.multiply(logit, Math.LOG2E) : logit;
}

function isInBaseTwo(op: AttendOp): boolean {
  return op.normalize === "softmax";
}

/** The running maximum and sum of a row with these heads before any key; a sink is a key of value 0. */
export function startOf(
  { context, args }: Attention,
  place: Coordinates,
): { readonly maximum: Expr; readonly sum: Expr } {
  const { sink } = args;
  if (sink === undefined) return { maximum: build.real(floor), sum: build.real(0) };
  const maximum = build.multiply(read(context, sink, place), Math.LOG2E);
  return { maximum, sum: build.real(1) };
}

/** The weight of a logit where weights are not normalised; 0 if the pair is hidden. */
export function weightOf(normalize: "sigmoid" | "relu", logit: Expr): Expr {
  const weight =
    normalize === "relu"
      ? build.maximum(logit, 0)
      : build.divide(1, build.add(1, build.call("exp", build.negate(logit))));
  return build.select(build.lessEqual(logit, floor), 0, weight);
}

/** The result of a row from its running maximum, sum and output. */
export function resultOf(
  { op }: Attention,
  row: { readonly maximum: Expr; readonly total: Expr; readonly output?: Expr },
): Expr {
  if (op.result === "log_sum_exp") {
    const natural = build.multiply(row.maximum, Math.LN2);
    return build.add(natural, build.call("log", row.total));
  }
  invariant(row.output !== undefined, "lowering: the output of an attention");
  if (op.normalize !== "softmax") return row.output;
  return build.divide(row.output, build.select(build.less(0, row.total), row.total, 1));
}
