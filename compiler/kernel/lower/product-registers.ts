/**
 * Products in register tiles: a task walks through a panel of columns, tile by tile, and through the
 * inner index four at a time; a remainder of it is a loop of its own. Needs no memory but registers.
 */

import type { Region } from "../../fusion/region.ts";
import { asConstant, ceilDivide, constant, productOf as times } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Statement } from "../kernel.ts";
import { loop, tile as declareTile, tileMultiply } from "../statements.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { type Product, productOf, type ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readRight } from "./product-read.ts";
import { storeTile } from "./product-store.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** Elements of the inner index that are read at once. */
const innerStep = 4;

/** Lowers a region whose root is a `contract`. */
export function registerProduct(context: Context, region: Region, schedule: Schedule): Lowered {
  const product = productOf(context, region);
  const { batch, rows, columns, inner } = product;
  const tileColumns = Math.min(schedule.columns, asConstant(columns) ?? schedule.columns);
  const panel = Math.min(
    schedule.panel,
    roundUp(asConstant(columns) ?? schedule.panel, tileColumns),
  );
  const rowTiles = ceilDivide(rows, constant(schedule.rows));
  const panels = ceilDivide(columns, constant(panel));
  const tasks = times([batch, panels, rowTiles]);
  const flops = times([
    constant(2 * schedule.rows * tileColumns),
    batch,
    rowTiles,
    ceilDivide(columns, constant(tileColumns)),
    constant(inner),
  ]);
  const name = regionName(context, region);
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) => {
    const perBatch = build.multiply(context.size(panels), context.size(rowTiles));
    const inBatch = build.remainder(task, perBatch);
    const panelStart = build.multiply(
      build.quotient(inBatch, context.size(rowTiles)),
      build.int(panel),
    );
    const tile: ProductTile = {
      batch: { key: "batch", expr: build.quotient(task, perBatch), extent: batch },
      rowStart: build.multiply(
        build.remainder(inBatch, context.size(rowTiles)),
        build.int(schedule.rows),
      ),
      columnStart: panelStart,
      rows: schedule.rows,
      columns: tileColumns,
    };
    if (panel === tileColumns) return block(context, product, tile);
    const start = context.fresh("column_start");
    const end = build.minimum(build.add(panelStart, panel), context.size(columns));
    const body = block(context, product, { ...tile, columnStart: build.variable(start) });
    return [loop(start, panelStart, end, body, tileColumns)];
  });
}

function block(context: Context, product: Product, tile: ProductTile): readonly Statement[] {
  const sum = context.fresh("sum");
  const total = product.inner;
  const whole = total - (total % innerStep);
  const place = placeTile(context, product, tile);
  const statements: Statement[] = [declareTile(sum, tile.rows, tile.columns, 0)];
  const add = (from: number, to: number, step: number): Statement =>
    innerLoop(context, product, tile, place, sum, from, to, step);
  if (whole > 0) statements.push(add(0, whole, innerStep));
  if (whole < total) statements.push(add(whole, total, 1));
  statements.push(...storeTile(context, product, tile, place, sum));
  return statements;
}

function innerLoop(
  context: Context,
  product: Product,
  tile: ProductTile,
  place: TilePlace,
  sum: string,
  from: number,
  to: number,
  step: number,
): Statement {
  const variable = context.fresh("k");
  const start = build.variable(variable);
  const [leftTile, rightTile] = [context.fresh("left"), context.fresh("right")];
  const [leftRow, leftColumn] = [context.fresh("row"), context.fresh("column")];
  const [rightRow, rightColumn] = [context.fresh("row"), context.fresh("column")];
  const word = build.variable;
  const left = readLeft(context, product, place, word(leftRow), build.add(start, word(leftColumn)));
  const right = readRight(
    context,
    product,
    place,
    build.add(start, word(rightRow)),
    word(rightColumn),
  );
  const body = [
    declareTile(leftTile, tile.rows, step, left, leftRow, leftColumn),
    declareTile(rightTile, step, tile.columns, right, rightRow, rightColumn),
    tileMultiply(sum, leftTile, rightTile),
  ];
  return loop(variable, from, to, body, step);
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
