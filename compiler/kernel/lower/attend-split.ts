/**
 * Attention whose groups split the keys of the same rows: which share of them a group takes, and where
 * it leaves what it found until `attend-combine.ts` puts the shares together. A group that sees no key
 * leaves what adds nothing.
 */

import { constant, type Dimension, productOf, sumOf } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import type { Split } from "../schedule/attend-splits.ts";
import { declare, store, tileEach, when } from "../statements.ts";
import type { KeyShares } from "./attend-class.ts";
import type { Attention } from "./attend-rows.ts";
import { floor, startOf, type TileValue } from "./attend-tiles.ts";
import type { Coordinates } from "./context.ts";

/** A group's share of the keys of its task. */
export interface OwnShare extends KeyShares {
  readonly split: Split;
  /** Whether the keys are too few to be split: then the only share is the result. */
  readonly isWhole: Expr;
}

/** The groups of `tasks` tasks whose keys are split, if at all. */
export function groupsOf(tasks: Dimension, split: Split | undefined): Dimension {
  return split === undefined ? tasks : productOf([tasks, split.shares]);
}

/** What group number `group` does, which is told its task and its share of the keys. */
export function inShare(
  { context }: Attention,
  tasks: Dimension,
  split: Split | undefined,
  group: Expr,
  body: (task: Expr, own: OwnShare | undefined) => readonly Statement[],
): readonly Statement[] {
  if (split === undefined) return body(group, undefined);
  const [task, share, shares] = [
    context.fresh("task"),
    context.fresh("share"),
    context.fresh("shares"),
  ];
  const isWhole = build.lessEqual(context.size(split.keys), split.atMost);
  const own = { split, isWhole, share: build.variable(share), shares: build.variable(shares) };
  const count = context.size(tasks);
  return [
    declare(task, build.remainder(group, count)),
    declare(share, build.quotient(group, count)),
    declare(shares, build.select(isWhole, 1, context.size(split.shares))),
    when(build.less(own.share, own.shares), body(build.variable(task), own)),
  ];
}

/** What a running row starts from, where `first` takes the sink, which is a key of the first share. */
export function startOfShare(
  attention: Attention,
  place: Coordinates,
  split: KeyShares | undefined,
  first: Expr = build.boolean(true),
): { readonly maximum: Expr; readonly sum: Expr } {
  const start = startOf(attention, place);
  if (attention.args.sink === undefined) return start;
  const isFirst = split === undefined ? first : build.and(build.equal(split.share, 0), first);
  return {
    maximum: build.select(isFirst, start.maximum, floor),
    sum: build.select(isFirst, start.sum, 0),
  };
}

/** Where shares lie in memory: the outputs of all rows, then the maximum and total of each. */
export interface Partials {
  readonly buffer: string;
  readonly elements: Dimension;
  /** The number of packed row `row` of a set, as a share has it. */
  readonly slot: (share: Expr, set: Expr, row: Expr) => Expr;
  readonly output: (slot: Expr, column: Expr) => Expr;
  readonly maximum: (slot: Expr) => Expr;
  readonly total: (slot: Expr) => Expr;
}

/** The memory of the shares of an attention. */
export function partialsOf(
  { context, region, op, sets, rows, width }: Attention,
  { shares }: Pick<Split, "shares">,
  access: "read" | "write",
): Partials {
  const outputs = productOf([sets, rows, constant(op.result === "output" ? width : 0)]);
  const statistics = productOf([sets, rows, constant(op.normalize === "softmax" ? 2 : 0)]);
  const source = { kind: "partial", value: region.root } as const;
  const after = build.multiply(context.size(shares), context.size(outputs));
  const statistic = (slot: Expr, index: number): Expr =>
    build.add(after, build.multiply(slot, 2), index);
  return {
    buffer: context.buffer(source, "float", access, "partial"),
    elements: productOf([shares, sumOf([outputs, statistics])]),
    slot: (share, set, row) => {
      const before = build.add(build.multiply(share, context.size(sets)), set);
      return build.add(build.multiply(before, context.size(rows)), row);
    },
    output: (slot, column) => build.add(build.multiply(slot, width), column),
    maximum: (slot) => statistic(slot, 0),
    total: (slot) => statistic(slot, 1),
  };
}

/** The running tiles of packed rows, and the slots that they go to. */
export interface PartialRows {
  readonly attention: Attention;
  readonly partials: Partials;
  readonly maximum: string;
  readonly sum: string;
  readonly slot: (row: Expr) => Expr;
  /** Which rows are there; all if absent. */
  readonly exists?: (row: Expr) => Expr;
}

/** Stores maximum and total of each row, if weights are normalised. */
export function storeStatistics(rows: PartialRows): readonly Statement[] {
  const { attention, partials, maximum, sum, slot } = rows;
  if (attention.op.normalize !== "softmax") return [];
  return [
    storeEach(rows, maximum, (row) => partials.maximum(slot(row))),
    storeEach(rows, sum, (row) => partials.total(slot(row))),
  ];
}

/** Stores a tile of outputs, its columns being `column`; those `inside`, if not all are. */
export function storeOutputs(
  rows: PartialRows,
  output: string,
  column: (column: Expr) => Expr,
  inside?: (column: Expr) => Expr,
): Statement {
  const { partials, slot } = rows;
  return storeEach(rows, output, (row, c) => partials.output(slot(row), column(c)), inside);
}

function storeEach(
  { attention, partials, exists }: PartialRows,
  tile: string,
  index: TileValue,
  inside?: (column: Expr) => Expr,
): Statement {
  const { context } = attention;
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const [r, c] = [build.variable(row), build.variable(column)];
  const body = [store(partials.buffer, index(r, c), build.element(tile))];
  const conditions = [exists?.(r), inside?.(c)].flatMap((each) => each ?? []);
  const guarded = conditions.length === 0 ? body : [when(build.and(...conditions), body)];
  return tileEach(tile, row, column, guarded);
}
