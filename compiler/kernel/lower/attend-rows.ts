/**
 * An attention being lowered, and its query rows.
 *
 * Query heads that share keys are packed: of the `pack` heads of a set, row `r` is query row
 * `r / pack` of head `r mod pack`. One tile of keys then serves them all, and a tile of packed rows
 * has few query rows, which the mask hides or shows together.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { Region } from "../../fusion/region.ts";
import { type Graph, nodeAt, sizeOf, type ValueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import {
  asConstant,
  ceilDivide,
  constant,
  type Dimension,
  divide,
  multiply,
  productOf,
  sumOf,
} from "../../op/dimension.ts";
import { type AttendArguments, type AttendOp, attendArguments } from "../../op/op.ts";
import * as build from "../build.ts";
import { roundUp } from "../counts.ts";
import { attendBlock, warpRows } from "../schedule/attend-blocks.ts";
import type { Expr } from "../kernel.ts";
import { type Affine, affineOf, plus, times } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { divideIndex } from "./divide-index.ts";
import { commentOf, regionName } from "./name.ts";
import { unflatten } from "./read.ts";
import type { Schedule } from "./schedule.ts";

/** An attention, its arguments by role and its sizes. */
export interface Attention {
  readonly context: Context;
  readonly region: Region;
  readonly op: AttendOp;
  readonly args: AttendArguments<ValueId>;
  /** Elements of a query or key row. */
  readonly depth: number;
  /** Elements of a value row. */
  readonly width: number;
  /** Query heads of a set. */
  readonly pack: number;
  /** Packed rows of a set. */
  readonly rows: Dimension;
  readonly sets: Dimension;
}

/** The attention of `region`, at most `mostPacked` heads of which are a set. */
export function attentionOf(context: Context, region: Region, mostPacked: number): Attention {
  const node = nodeAt(context.graph, region.root);
  const { op } = node;
  invariant(op.kind === "attend" && op.result !== "weights", "lowering: an attention's output");
  const args = attendArguments(op, node.args);
  const pack = packedHeads(context.graph, op, mostPacked);
  const outer = outerAxes(context, op, args);
  return {
    ...{ context, region, op, args, pack },
    depth: constantExtent(context, op.contracted),
    width: constantExtent(context, op.value),
    rows: productOf([context.extent(op.query), constant(pack)]),
    sets: productOf(outer.map((axis) => setExtent(context, op, pack, axis))),
  };
}

/** What the kernel of an attention is called, and what it does in blocks of some packed rows. */
export interface AttendWork {
  readonly name: string;
  readonly comment: readonly string[];
  /** Blocks of a set, and of all of them. */
  readonly blocks: Dimension;
  readonly tasks: Dimension;
  /** Of all pairs of a row and a key, those past the ends of tiles included. */
  readonly flops: Dimension;
}

/** The tiles that an attention is computed in: what its packed rows and keys are rounded up to. */
export interface AttendGrain {
  readonly rows: number;
  readonly keys: number;
}

/** The work of an attention in blocks of `step` packed rows. */
export function attendWork(attention: Attention, step: number, grain: AttendGrain): AttendWork {
  const { context, region, op, rows, sets, depth, width } = attention;
  const blocks = ceilDivide(rows, constant(step));
  const tasks = productOf([sets, blocks]);
  const whole = (size: Dimension, tile: number): Dimension =>
    multiply(constant(tile), ceilDivide(size, constant(tile)));
  // Tiles of rows begin anew in each block.
  const inTiles =
    step % grain.rows === 0
      ? whole(rows, grain.rows)
      : multiply(constant(roundUp(step, grain.rows)), blocks);
  const keys = sumOf(op.parts.map((part) => whole(context.extent(part.axis), grain.keys)));
  const widths = op.result === "output" ? depth + width : depth;
  return {
    ...{ name: regionName(context, region), comment: commentOf(context, region), blocks, tasks },
    flops: productOf([constant(2 * widths), sets, inTiles, keys]),
  };
}

/** The keys of all parts. */
export function keysOf({ context, op }: Attention): Dimension {
  return sumOf(op.parts.map((part) => context.extent(part.axis)));
}

/**
 * How many query heads are a set: as many of those that share keys as divide them evenly and are
 * no more than `most`.
 */
export function packedHeads(graph: Graph, { group }: AttendOp, most: number): number {
  if (group === undefined) return 1;
  const ratio = asConstant(divide(sizeOf(graph, group.query), sizeOf(graph, group.key)));
  if (ratio === undefined) return 1;
  let pack = Math.min(ratio, most);
  while (ratio % pack !== 0) pack--;
  return pack;
}

/** The packed rows of a task: whole query rows, those of one or as many as the schedule has. */
export function rowsOfTask({ queries, singleQuery }: Schedule, pack: number): number {
  return singleQuery ? pack : queries - (queries % pack);
}

/**
 * Keys of a tile. On a GPU a tile of keys or values and a tile of logits fit into group memory; if no
 * tile does there are none.
 */
export function tileKeys(
  { target, queries, keys, singleQuery, invocations }: Schedule,
  depth: number,
  width: number,
): number {
  if (target.family === "cpu" || target.groupMemory === 0) return keys;
  // A key for each invocation, read where it lies.
  if (singleQuery) return invocations;
  const fitting = (count: number): boolean =>
    4 * count * (Math.max(depth, width) + queries) <= target.groupMemory;
  return [keys, 16, 8, 4, 2, 1].find((each) => each <= keys && fitting(each)) ?? 0;
}

/**
 * How many heads are a set at most: the rows of a tile, those of one instruction of a tensor core, or
 * where rows are taken one by one as many as have their queries, and logits and weights of a tile, in
 * group memory.
 */
export function mostPacked(schedule: Schedule, depth: number): number {
  const { target, queries, singleQuery, invocations } = schedule;
  if (target.math !== undefined) return warpRows;
  if (!singleQuery || target.family === "cpu" || target.groupMemory === 0) return queries;
  const fitting = Math.floor(target.groupMemory / 4 / (depth + 2 * invocations));
  return Math.max(1, Math.min(queries, fitting));
}

/** The query rows and keys of the tiles that `schedule` classifies. */
export function queryTile(
  graph: Graph,
  op: AttendOp,
  schedule: Schedule,
): { readonly queries: number; readonly keys: number } {
  const [depth = 1, width = 1] = [op.contracted, op.value].map((axis) =>
    asConstant(sizeOf(graph, axis)),
  );
  const pack = packedHeads(graph, op, mostPacked(schedule, depth));
  if (schedule.target.math !== undefined) {
    const asked = { depth, width, parts: op.parts.length };
    const { rows, keys, warpKeys, splits } = attendBlock(asked, schedule);
    return { queries: Math.max(1, rows / pack), keys: splits ? warpKeys : keys };
  }
  const keys = tileKeys(schedule, depth, width);
  return { queries: rowsOfTask(schedule, pack) / pack, keys };
}

function constantExtent(context: Context, axis: AxisName): number {
  const extent = asConstant(context.extent(axis));
  invariant(extent !== undefined, "lowering: an attention's rows have constant width");
  return extent;
}

function outerAxes(
  context: Context,
  op: AttendOp,
  { query }: AttendArguments<ValueId>,
): readonly AxisName[] {
  const { axes } = nodeAt(context.graph, query).type;
  return axes.filter((axis) => axis !== op.query && axis !== op.contracted);
}

function setExtent(context: Context, op: AttendOp, pack: number, axis: AxisName): Dimension {
  const extent = context.extent(axis);
  return axis === op.group?.query ? divide(extent, constant(pack)) : extent;
}

/** Where the packed rows of one set lie. */
export interface PackedRows {
  /** The coordinates of the set's keys and values but for the key axis. */
  readonly keyHeads: Coordinates;
  /** The coordinates of packed row `row`; of the last if there are not so many. */
  readonly place: (row: Expr) => Coordinates;
  /** The query row of packed row `row`. */
  readonly queryRow: (row: Expr) => Expr;
}

/** The rows of the set with number `set`, at most `step` rows of which are asked for at once. */
export function packedRows(attention: Attention, set: Expr, step: number): PackedRows {
  const { context, op, args, pack, sets, rows } = attention;
  const { group } = op;
  const flat = affineOf({ key: "set", expr: set, extent: sets });
  const heads = unflatten(context, outerAxes(context, op, args), flat, (axis) =>
    setExtent(context, op, pack, axis),
  );
  const even = (asConstant(rows) ?? 1) % step === 0;
  const split = (row: Expr): { readonly query: Affine; readonly member: Affine } => {
    const last = build.subtract(context.size(rows), 1);
    const expr = even ? row : build.minimum(row, last);
    const packed = affineOf({ key: "row", expr, extent: rows });
    const { quotient, remainder } = divideIndex(context, packed, constant(pack));
    return { query: quotient, member: remainder };
  };
  return {
    keyHeads: keyHeads(attention, heads),
    queryRow: (row) => context.emit(split(row).query),
    place: (row) => {
      const { query, member } = split(row);
      const place = new Map([...heads, [op.query, query]]);
      const head = group && heads.get(group.query);
      if (group !== undefined && head !== undefined)
        place.set(group.query, plus(times(head, constant(pack)), member));
      return place;
    },
  };
}

/** The set's own coordinates, its number among the query heads divided among the key heads. */
function keyHeads({ context, op, pack }: Attention, heads: Coordinates): Coordinates {
  const { group } = op;
  if (group === undefined) return heads;
  const ratio = divide(context.extent(group.query), context.extent(group.key));
  const set = heads.get(group.query);
  invariant(set !== undefined, "lowering: a grouped attention has a head axis");
  const result = new Map(heads);
  result.delete(group.query);
  result.set(group.key, divideIndex(context, set, divide(ratio, constant(pack))).quotient);
  return result;
}
