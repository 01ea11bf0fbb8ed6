/**
 * Products with a packed weight on a CPU: tiles of sums that fill the registers, the weight read as
 * whole registers of neighbouring columns, the left operand one number for all lanes.
 *
 * A task computes some rows of a few panels. One panel stays in the first cache while its rows pass by;
 * tasks that follow each other share their rows. A single row (a decode step) takes four panels at
 * once, so that enough sums are under way, and reads each weight once. A left operand that is computed
 * (the weight of a norm) is computed once a task, if there are several rows.
 */

import {
  asConstant,
  ceilDivide,
  constant,
  type Dimension,
  productOf as times,
  sumOf,
} from "../../op/dimension.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import { type Known, sourceOf } from "./read.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import { loop, storeArray, tile as declareTile, tileEach, tileMultiply } from "../statements.ts";
import { fill, inBlocks, keep, type TileValue } from "./attend-tiles.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { panelWidth } from "./packing.ts";
import type { Product, ProductPart, ProductSum, ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readPaddedRight } from "./product-read.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./task-parts.ts";
import { reductionsOf, type RowTiles, rowTiles } from "./product-rows.ts";
import { rowBlocksOf } from "./row-blocks.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** Strips of a task that computes things of its rows: what that costs is shared by as many columns. */
const stripsOfReduction = 8;

/** Lowers a region of products with right operands in panels (`hasPanels`). */
export function panelProduct(context: Context, product: Product, schedule: Schedule): Lowered {
  const { region } = product;
  const reductions = reductionsOf(context, product).length;
  const packedRows = packedRowsOf(context, product, schedule);
  const stripsOf = (part: ProductPart): Strips =>
    stripsFor(product, part, schedule, reductions, packedRows);
  const tasks = sumOf(product.parts.map((part) => stripsOf(part).tasks));
  const flops = sumOf(product.parts.map((part) => stripsOf(part).flops));
  const name = regionName(context, region);
  const kept = new Map(product.rowValues.map((id) => [id, context.fresh(context.nameOf(id))]));
  const left = packedRows === undefined ? undefined : context.fresh("packed");
  const lowered = finish(
    context,
    schedule,
    name,
    commentOf(context, region),
    tasks,
    flops,
    (task) =>
      overParts(
        context,
        product.parts,
        (part) => stripsOf(part).tasks,
        task,
        (part, local) =>
          taskOf(context, { product, part, strips: stripsOf(part), kept, left }, local),
      ),
  );
  const isSingle = product.parts.every((part) => stripsOf(part).blockRows === 1);
  const array = (of: string, length: number): GroupArray => ({ name: of, element: "f32", length });
  const arrays = [...(isSingle ? [] : kept.values())].map((of) => array(of, schedule.taskRows));
  if (left !== undefined) arrays.push(array(left, (packedRows ?? 0) * product.inner));
  const [only, ...others] = product.parts;
  const cut = only === undefined || others.length > 0 || isSingle ? undefined : stripsOf(only);
  const rowBlocks =
    cut === undefined ? undefined : rowBlocksOf(context, product, cut.blockRows, cut.groups);
  const kernel = { ...lowered.kernel, arrays };
  return { ...lowered, kernel: rowBlocks === undefined ? kernel : { ...kernel, rowBlocks } };
}

/** Fewer rows would read each panel too often. */
const fewestPacked = 16;

/**
 * How many rows a task has whose left operand is computed, once for all its strips, into an array that
 * stays in the second cache; undefined if it is read where it lies.
 */
function packedRowsOf(context: Context, product: Product, schedule: Schedule): number | undefined {
  const { rows, taskRows, target } = schedule;
  const isSingle = rows === 1 || asConstant(product.rows) === 1;
  if (isSingle || liesInRows(context, product)) return undefined;
  const fitting = Math.floor(target.groupMemory / (4 * product.inner));
  const most = Math.min(taskRows, fitting - (fitting % rows));
  return most < fewestPacked ? undefined : most;
}

/**
 * Whether the left operand lies in memory with neighbouring inner elements next to each other: read
 * as it lies it costs less than a copy.
 */
function liesInRows(context: Context, { left, innerAxes }: Product): boolean {
  let [id, axis] = [left, innerAxes.at(-1)];
  for (;;) {
    const { op, args, type } = nodeAt(context.graph, id);
    if (sourceOf(context, id) !== undefined) return type.axes.at(-1) === axis;
    const [arg] = args;
    if (arg === undefined) return false;
    if (op.kind === "rename") axis = axis === op.to ? op.from : axis;
    else if (op.kind === "split") axis = axis === op.into.at(-1) ? op.axis : axis;
    else if (op.kind === "merge") axis = axis === op.into ? op.axes.at(-1) : axis;
    else if (op.kind === "slice") axis = axis === op.into ? op.axis : axis;
    else return false;
    id = arg;
  }
}

/**
 * A part in the making; `kept` are the arrays that hold the row values of a task's rows, `left` the one
 * that holds their left operand if that is packed.
 */
interface Work {
  readonly product: Product;
  readonly part: ProductPart;
  readonly strips: Strips;
  readonly kept: ReadonlyMap<ValueId, string>;
  readonly left: string | undefined;
}

/** How a part is cut: strips of columns, and blocks of rows that a task walks through in tiles. */
interface Strips {
  readonly tileRows: number;
  readonly width: number;
  readonly blockRows: number;
  readonly blocks: Dimension;
  readonly strips: Dimension;
  /** Strips that one task takes, and how many such groups there are. */
  readonly stripsOfTask: number;
  readonly groups: Dimension;
  readonly tasks: Dimension;
  readonly flops: Dimension;
}

function stripsFor(
  { batch, rows, inner }: Product,
  part: ProductPart,
  schedule: Schedule,
  reductions: number,
  packedRows: number | undefined,
): Strips {
  const tileRows = Math.min(schedule.rows, asConstant(rows) ?? schedule.rows);
  const width = stripWidth(schedule, tileRows, asConstant(part.columns) ?? panelWidth);
  const blockRows = tileRows === 1 ? 1 : (packedRows ?? schedule.taskRows);
  const blocks = ceilDivide(rows, constant(blockRows));
  const strips = ceilDivide(part.columns, constant(width));
  const isShared = reductions > 0 || packedRows !== undefined;
  const stripsOfTask = isShared && tileRows > 1 ? stripsOfReduction : 1;
  const groups = ceilDivide(strips, constant(stripsOfTask));
  const tasks = times([batch, blocks, groups]);
  const rowTiles = ceilDivide(rows, constant(tileRows));
  const tile = constant(2 * tileRows * width * inner * part.sums.length);
  const sums = times([tile, batch, strips, rowTiles]);
  const rowSums = times([constant(tileRows * inner * reductions), batch, groups, rowTiles]);
  const flops = sumOf([sums, rowSums]);
  return { tileRows, width, blockRows, blocks, strips, stripsOfTask, groups, tasks, flops };
}

/** The share of a strip's columns that may lie past the last one. */
const mostWasted = 0.05;

/**
 * Few rows take several panels at once, up to eight registers of sums: as many as waste little on the
 * last strip, but not one by one, which would leave too few sums under way.
 */
function stripWidth({ rowPanels }: Schedule, tileRows: number, columns: number): number {
  const panels = Math.ceil(columns / panelWidth);
  const most = Math.max(1, Math.min(panels, Math.floor(rowPanels / tileRows)));
  const fewest = Math.min(most, 2);
  const counts = Array.from({ length: most - fewest + 1 }, (_, index) => most - index);
  const wasted = (count: number): number => (Math.ceil(panels / count) * count) / panels - 1;
  const least = Math.min(...counts.map(wasted));
  const count = counts.find((each) => wasted(each) <= Math.max(least, mostWasted)) ?? most;
  return panelWidth * count;
}

/** What one task does, the `task`-th of its part. */
function taskOf(context: Context, work: Work, task: Expr): readonly Statement[] {
  const { product, strips } = work;
  const { width, tileRows, blockRows, stripsOfTask } = strips;
  const groups = context.size(strips.groups);
  const perBatch = build.multiply(context.size(strips.blocks), groups);
  const inBatch = build.remainder(task, perBatch);
  const group = build.remainder(inBatch, groups);
  const firstRow = build.multiply(build.quotient(inBatch, groups), build.int(blockRows));
  const tileAt = (rowStart: Expr, strip: Expr): ProductTile => ({
    batch: { key: "batch", expr: build.quotient(task, perBatch), extent: product.batch },
    rowStart,
    columnStart: build.multiply(strip, build.int(width)),
    columnBlock: strip,
    paddedTo: panelWidth,
    rows: tileRows,
    columns: width,
  });
  if (blockRows === 1) {
    const tile = tileAt(firstRow, group);
    const rows = rowTiles(context, product, placeTile(context, product, work.part, tile), 1);
    return [...rows.statements, ...block(context, work, tile, rows.known, build.int(0))];
  }
  const end = build.minimum(build.add(firstRow, build.int(blockRows)), context.size(product.rows));
  // Counted from the first row, so that places in the task's arrays are known not to be negative.
  const overRows = (body: (row: Expr, rowStart: Expr) => readonly Statement[]): Statement => {
    const name = context.fresh("tile_row");
    const row = build.variable(name);
    const count = build.subtract(end, firstRow);
    return loop(name, 0, count, body(row, build.add(firstRow, row)), tileRows);
  };
  const keep = overRows((row, rowStart) => keepRows(context, work, tileAt(rowStart, group), row));
  const strip = (index: Expr): Statement =>
    overRows((row, rowStart) => {
      const tile = tileAt(rowStart, index);
      const rows = keptRows(context, work, tile, row);
      return [...rows.statements, ...block(context, work, tile, rows.known, row)];
    });
  const kept = product.rowValues.length === 0 ? [] : [keep];
  if (work.left !== undefined)
    kept.push(overRows((row, rowStart) => packLeft(context, work, tileAt(rowStart, group), row)));
  if (stripsOfTask === 1) return [...kept, strip(group)];
  const index = context.fresh("strip");
  const first = build.multiply(group, build.int(stripsOfTask));
  const last = build.minimum(
    build.add(first, build.int(stripsOfTask)),
    context.size(strips.strips),
  );
  return [...kept, loop(index, first, last, [strip(build.variable(index))])];
}

/**
 * Computes the row values of a tile and keeps them for the strips that come; `tileRow` is its first
 * row as the task counts them.
 */
function keepRows(
  context: Context,
  { product, part, kept }: Work,
  tile: ProductTile,
  tileRow: Expr,
): readonly Statement[] {
  const place = placeTile(context, product, part, tile);
  const rows = rowTiles(context, product, place, tile.rows);
  const stores = [...rows.known].map(([id, value]) => {
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    invariant(value.kind === "element", "lowering: row values are tiles");
    const index = build.add(tileRow, build.variable(row));
    return tileEach(value.tile, row, column, [storeArray(kept.get(id) ?? "", index, value)]);
  });
  return [...rows.statements, ...stores];
}

/** The row values of a tile that were kept. */
function keptRows(context: Context, { kept }: Work, tile: ProductTile, tileRow: Expr): RowTiles {
  const statements: Statement[] = [];
  const known = new Map<ValueId, Expr>();
  for (const [id, array] of kept) {
    const [name, row, column] = [
      context.fresh(array),
      context.fresh("row"),
      context.fresh("column"),
    ];
    const value = build.loadArray(array, build.add(tileRow, build.variable(row)));
    statements.push(declareTile(name, tile.rows, 1, value, row, column));
    known.set(id, build.element(name));
  }
  return { statements, known };
}

/** Computes the left operand of a tile's rows for the strips that come. */
function packLeft(
  context: Context,
  { product, part, left }: Work,
  tile: ProductTile,
  tileRow: Expr,
): readonly Statement[] {
  const place = placeTile(context, product, part, tile);
  return inBlocks(context, product.inner, [4], (start, size) => {
    const out: Statement[] = [];
    const value: TileValue = (r, c) => readLeft(context, product, place, r, build.add(start, c));
    const packed = fill(context, "left", tile.rows, size, value, out);
    const at: TileValue = (r, c) =>
      packedIndex(product, build.add(tileRow, r), build.add(start, c));
    return [...out, keep(context, packed, left ?? "", at)];
  });
}

/** Where an element of the packed left operand lies, by its row in the task. */
function packedIndex({ inner }: Product, row: Expr, k: Expr): Expr {
  return build.add(build.multiply(row, inner), k);
}

/**
 * The sums of a tile one after another, since one of them fills the registers. The loop takes one step
 * a round: unrolled, V8 loads ahead and runs out of registers, which costs a quarter of the speed.
 */
function block(
  context: Context,
  { product, part, left }: Work,
  tile: ProductTile,
  rows: Known,
  tileRow: Expr,
): readonly Statement[] {
  const place = placeTile(context, product, part, tile);
  const statements: Statement[] = [];
  const sums = part.sums.map((sum) => {
    const name = context.fresh("sum");
    const k = context.fresh("k");
    const leftAt = (row: Expr, inner: Expr): Expr =>
      left === undefined
        ? readLeft(context, product, place, row, inner)
        : build.loadArray(left, packedIndex(product, build.add(tileRow, row), inner));
    const step = addStep(context, { leftAt, sum, tile, place }, name, build.variable(k));
    statements.push(declareTile(name, tile.rows, tile.columns, 0));
    statements.push(loop(k, 0, product.inner, step));
    return name;
  });
  return [...statements, ...storeTile(context, part, tile, place, sums, rows)];
}

/** One step along the inner index: a column of the left operand times a row of the right one. */
function addStep(
  context: Context,
  at: {
    readonly leftAt: (row: Expr, inner: Expr) => Expr;
    readonly sum: ProductSum;
    readonly tile: ProductTile;
    readonly place: TilePlace;
  },
  target: string,
  inner: Expr,
): readonly Statement[] {
  const { leftAt, sum, tile, place } = at;
  const [left, right] = [context.fresh("left"), context.fresh("right")];
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const [one, other] = [context.fresh("column"), context.fresh("row")];
  const leftValue = leftAt(build.variable(row), inner);
  const rightValue = readPaddedRight(context, sum, place, inner, build.variable(column));
  return [
    declareTile(right, 1, tile.columns, rightValue, other, column),
    declareTile(left, tile.rows, 1, leftValue, row, one),
    tileMultiply(target, left, right),
  ];
}
