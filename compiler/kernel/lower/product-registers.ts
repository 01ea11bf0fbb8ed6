/**
 * Products in register tiles: a task walks through a panel of columns, tile by tile, and through the
 * inner index some elements at a time; a remainder of it is a loop of its own. Needs no memory but registers.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { Region } from "../../fusion/region.ts";
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
import { roundUp } from "../counts.ts";
import { declare, loop, tile as declareTile, tileMultiply, when } from "../statements.ts";
import { divides } from "./affine.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { type Product, productOf, type ProductPart, type ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readRight } from "./product-read.ts";
import { reductionsOf, rowTiles } from "./product-rows.ts";
import { storeTile } from "./product-store.ts";
import type { Known } from "./read.ts";
import { overParts } from "./task-parts.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** What a task does for one tile. */
export type TileBody = (
  context: Context,
  product: Product,
  part: ProductPart,
  tile: ProductTile,
  rows: Known,
) => readonly Statement[];

/**
 * Lowers a region of products. Rows that fill no tile are taken one by one; in software that takes
 * longer to compile than rows that are not there take to compute.
 */
export function registerProduct(context: Context, region: Region, schedule: Schedule): Lowered {
  const edge = schedule.target.groupMemory === 0 ? "tile" : "row";
  const body: TileBody = (_, product, part, tile, rows) => {
    const place = placeTile(context, product, part, tile);
    return tileOf(context, { product, part, tile, place }, rows, schedule);
  };
  return inTiles(context, region, productOf(context, region), schedule, body, edge);
}

/** What the rows at an edge are taken in: a tile that reaches past it, or one by one. */
type Edge = "tile" | "row";

/**
 * A kernel whose tasks do `body` for the tiles of `product`. A task takes rows and a panel of columns of
 * some part; what it needs to know of the rows is the same whatever the part is.
 */
export function inTiles(
  context: Context,
  region: Region,
  product: Product,
  schedule: Schedule,
  body: TileBody,
  edge: Edge = "tile",
): Lowered {
  const reductions = reductionsOf(context, product).length;
  const cut = (part: ProductPart): Columns => columnsFor(part, schedule);
  const panels = sumOf(product.parts.map((part) => cut(part).panels));
  const down = ceilDivide(product.rows, constant(schedule.rows));
  const flops = product.parts.map((part) => flopsOf(product, part, cut(part), reductions));
  const computed = edge === "row" ? product.rows : times([constant(schedule.rows), down]);
  const work: Work = { context, product, schedule, edge, cut, inTile: body };
  return finish(
    context,
    schedule,
    regionName(context, region),
    commentOf(context, region),
    times([product.batch, panels, down]),
    times([product.batch, computed, sumOf(flops)]),
    (task) => taskOf(work, task, context.size(panels), context.size(down)),
  );
}

/** What tasks have in common. */
interface Work {
  readonly context: Context;
  readonly product: Product;
  readonly schedule: Schedule;
  readonly edge: Edge;
  readonly cut: (part: ProductPart) => Columns;
  readonly inTile: TileBody;
}

/** How the columns of a part are cut: in panels, walked through in tiles. */
interface Columns {
  readonly tile: number;
  readonly panel: number;
  readonly panels: Dimension;
}

function columnsFor(part: ProductPart, schedule: Schedule): Columns {
  const count = asConstant(part.columns);
  // As many sums as columns take their registers.
  const most = Math.max(1, Math.floor(schedule.columns / part.sums.length));
  const tile = Math.min(most, count ?? most);
  const panel = Math.min(schedule.panel, roundUp(count ?? schedule.panel, tile));
  return { tile, panel, panels: ceilDivide(part.columns, constant(panel)) };
}

/** The operations of a row of a part. */
function flopsOf(
  { inner }: Product,
  part: ProductPart,
  { tile, panels }: Columns,
  reductions: number,
): Dimension {
  const strips = ceilDivide(part.columns, constant(tile));
  const products = times([constant(2 * tile * part.sums.length), strips]);
  return times([constant(inner), sumOf([products, times([constant(reductions), panels])])]);
}

/** What one task does, of `panels` for each of `down` tiles of rows. */
function taskOf(work: Work, task: Expr, panels: Expr, down: Expr): readonly Statement[] {
  const { context, product, schedule, edge } = work;
  const perBatch = build.multiply(panels, down);
  const single = asConstant(product.batch) === 1;
  const inBatch = single ? task : build.remainder(task, perBatch);
  const batch = single ? build.int(0) : build.quotient(task, perBatch);
  const panel = context.fresh("panel");
  const tile: ProductTile = {
    batch: { key: "batch", expr: batch, extent: product.batch },
    rowStart: build.multiply(build.remainder(inBatch, down), schedule.rows),
    columnStart: build.int(0),
    rows: schedule.rows,
    columns: schedule.columns,
  };
  const inRows = (rows: ProductTile): readonly Statement[] =>
    rowsOf(work, rows, build.variable(panel));
  const start = declare(panel, build.quotient(inBatch, down));
  const even = divides(constant(tile.rows), product.rows);
  if (edge === "tile" || even || tile.rows === 1) return [start, ...inRows(tile)];
  const row = context.fresh("row");
  const end = context.size(product.rows);
  const one = { ...tile, rowStart: build.variable(row), rows: 1 };
  return [
    start,
    when(build.lessEqual(build.add(tile.rowStart, tile.rows), end), inRows(tile), [
      loop(row, tile.rowStart, end, inRows(one)),
    ]),
  ];
}

/** Takes the `panel`-th panel of all parts, in the rows of `tile`. */
function rowsOf(work: Work, tile: ProductTile, panel: Expr): readonly Statement[] {
  const { context, product, schedule, cut } = work;
  const [first] = product.parts;
  invariant(first !== undefined, "lowering: a product has parts");
  // Where rows lie is the same for all parts.
  const place = placeTile(context, product, first, tile);
  const rows = rowTiles(context, product, place, tile.rows, schedule.innerStep);
  const parts = overParts(
    context,
    product.parts,
    (part) => cut(part).panels,
    panel,
    (part, local) => {
      const { panel: width, tile: columns } = cut(part);
      const columnStart = build.multiply(local, width);
      return inColumns(work, part, { ...tile, columns, columnStart }, rows.known);
    },
  );
  return [...rows.statements, ...parts];
}

/** Takes the columns of a panel, of which `tile` is the first tile. */
function inColumns(
  { context, product, cut, inTile }: Work,
  part: ProductPart,
  tile: ProductTile,
  rows: Known,
): readonly Statement[] {
  const { panel } = cut(part);
  if (panel === tile.columns) return inTile(context, product, part, tile, rows);
  const start = context.fresh("column_start");
  const end = build.minimum(build.add(tile.columnStart, panel), context.size(part.columns));
  const moved = { ...tile, columnStart: build.variable(start) };
  const body = inTile(context, product, part, moved, rows);
  return [loop(start, tile.columnStart, end, body, tile.columns)];
}

/** A tile of a part, and where its elements lie. */
export interface PlacedTile {
  readonly product: Product;
  readonly part: ProductPart;
  readonly tile: ProductTile;
  readonly place: TilePlace;
}

/** The sums of a tile, and what becomes of them. */
export function tileOf(
  context: Context,
  at: PlacedTile,
  rows: Known,
  { innerStep }: Schedule,
): readonly Statement[] {
  const { product, part, tile, place } = at;
  const sums = part.sums.map(() => context.fresh("sum"));
  const total = product.inner;
  const whole = total - (total % innerStep);
  const statements = sums.map((sum) => declareTile(sum, tile.rows, tile.columns, 0));
  const add = (from: number, to: number, step: number): Statement =>
    innerLoop(context, at, sums, { from, to, step });
  if (whole > 0) statements.push(add(0, whole, innerStep));
  if (whole < total) statements.push(add(whole, total, 1));
  return [...statements, ...storeTile(context, part, tile, place, sums, rows)];
}

/** Adds the products of the indices `from … to` to the sums. */
function innerLoop(
  context: Context,
  at: PlacedTile,
  sums: readonly string[],
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: number },
): Statement {
  const { product, part, tile, place } = at;
  const variable = context.fresh("k");
  const index = (offset: string): Expr =>
    build.add(build.variable(variable), build.variable(offset));
  const left = context.fresh("left");
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const leftValue = readLeft(context, product, place, build.variable(row), index(column));
  const body: Statement[] = [declareTile(left, tile.rows, step, leftValue, row, column)];
  for (const [i, sum] of part.sums.entries()) {
    const right = context.fresh("right");
    const [inner, across] = [context.fresh("row"), context.fresh("column")];
    const value = readRight(context, sum, place, index(inner), build.variable(across));
    body.push(declareTile(right, step, tile.columns, value, inner, across));
    body.push(tileMultiply(sums[i] ?? "", left, right));
  }
  return loop(variable, from, to, body, step);
}
