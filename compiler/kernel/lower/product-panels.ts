/**
 * Products with a packed weight on a CPU: tiles of sums that fill the registers, the weight read as
 * whole registers of neighbouring columns, the left operand one number for all lanes.
 *
 * A task computes some rows of a few panels. One panel stays in the first cache while its rows pass by;
 * tasks that follow each other share their rows. A single row (a decode step) takes four panels at
 * once, so that enough sums are under way, and reads each weight once.
 */

import {
  asConstant,
  ceilDivide,
  constant,
  type Dimension,
  productOf as times,
  sumOf,
} from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tile as declareTile, tileMultiply } from "../statements.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { panelWidth } from "./packing.ts";
import type { Product, ProductPart, ProductSum, ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readPaddedRight } from "./product-read.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./product-tasks.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** Rows of a task: their left operands stay in the second cache from panel to panel. */
const rowsOfTask = 64;
/** Panels that a single row takes at once. */
const panelsOfRow = 4;
/** Lowers a region of products with right operands in panels (`hasPanels`). */
export function panelProduct(context: Context, product: Product, schedule: Schedule): Lowered {
  const { region } = product;
  const stripsOf = (part: ProductPart): Strips => stripsFor(product, part, schedule);
  const tasks = sumOf(product.parts.map((part) => stripsOf(part).tasks));
  const flops = sumOf(product.parts.map((part) => stripsOf(part).flops));
  const name = regionName(context, region);
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) =>
    overParts(
      context,
      product,
      (part) => stripsOf(part).tasks,
      task,
      (part, local) => stripOf(context, product, part, stripsOf(part), local),
    ),
  );
}

/** How a part is cut: strips of columns, and blocks of rows that a task walks through in tiles. */
interface Strips {
  readonly tileRows: number;
  readonly width: number;
  readonly blockRows: number;
  readonly blocks: Dimension;
  readonly strips: Dimension;
  readonly tasks: Dimension;
  readonly flops: Dimension;
}

function stripsFor({ batch, rows, inner }: Product, part: ProductPart, schedule: Schedule): Strips {
  const tileRows = Math.min(schedule.rows, asConstant(rows) ?? schedule.rows);
  const width = stripWidth(tileRows, asConstant(part.columns) ?? panelWidth);
  const blockRows = tileRows === 1 ? 1 : rowsOfTask;
  const blocks = ceilDivide(rows, constant(blockRows));
  const strips = ceilDivide(part.columns, constant(width));
  const tasks = times([batch, blocks, strips]);
  const rowTiles = ceilDivide(rows, constant(tileRows));
  const tile = constant(2 * tileRows * width * inner * part.sums.length);
  const flops = times([tile, batch, strips, rowTiles]);
  return { tileRows, width, blockRows, blocks, strips, tasks, flops };
}

/** Few rows take several panels at once, up to eight registers of sums. */
function stripWidth(tileRows: number, columns: number): number {
  const panels = Math.ceil(columns / panelWidth);
  return panelWidth * Math.max(1, Math.min(panels, Math.floor(panelsOfRow / tileRows)));
}

/** What one task does, the `task`-th of its part. */
function stripOf(
  context: Context,
  product: Product,
  part: ProductPart,
  { tileRows, width, blockRows, blocks, strips }: Strips,
  task: Expr,
): readonly Statement[] {
  const count = context.size(strips);
  const perBatch = build.multiply(context.size(blocks), count);
  const inBatch = build.remainder(task, perBatch);
  const strip = build.remainder(inBatch, count);
  const firstRow = build.multiply(build.quotient(inBatch, count), build.int(blockRows));
  const tileAt = (rowStart: Expr): ProductTile => ({
    batch: { key: "batch", expr: build.quotient(task, perBatch), extent: product.batch },
    rowStart,
    columnStart: build.multiply(strip, build.int(width)),
    columnBlock: strip,
    rows: tileRows,
    columns: width,
  });
  if (blockRows === 1) return block(context, product, part, tileAt(firstRow));
  const row = context.fresh("row_start");
  const end = build.minimum(build.add(firstRow, build.int(blockRows)), context.size(product.rows));
  return [
    loop(row, firstRow, end, block(context, product, part, tileAt(build.variable(row))), tileRows),
  ];
}

/**
 * The sums of a tile one after another, since one of them fills the registers. The loop takes one step
 * a round: unrolled, V8 loads ahead and runs out of registers, which costs a quarter of the speed.
 */
function block(
  context: Context,
  product: Product,
  part: ProductPart,
  tile: ProductTile,
): readonly Statement[] {
  const place = placeTile(context, product, part, tile);
  const statements: Statement[] = [];
  const sums = part.sums.map((sum) => {
    const name = context.fresh("sum");
    const k = context.fresh("k");
    const step = addStep(context, { product, sum, tile, place }, name, build.variable(k));
    statements.push(declareTile(name, tile.rows, tile.columns, 0));
    statements.push(loop(k, 0, product.inner, step));
    return name;
  });
  return [...statements, ...storeTile(context, part, tile, place, sums)];
}

/** One step along the inner index: a column of the left operand times a row of the right one. */
function addStep(
  context: Context,
  at: {
    readonly product: Product;
    readonly sum: ProductSum;
    readonly tile: ProductTile;
    readonly place: TilePlace;
  },
  target: string,
  inner: Expr,
): readonly Statement[] {
  const { product, sum, tile, place } = at;
  const [left, right] = [context.fresh("left"), context.fresh("right")];
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const [one, other] = [context.fresh("column"), context.fresh("row")];
  const leftValue = readLeft(context, product, place, build.variable(row), inner);
  const rightValue = readPaddedRight(context, sum, place, inner, build.variable(column));
  return [
    declareTile(right, 1, tile.columns, rightValue, other, column),
    declareTile(left, tile.rows, 1, leftValue, row, one),
    tileMultiply(target, left, right),
  ];
}
