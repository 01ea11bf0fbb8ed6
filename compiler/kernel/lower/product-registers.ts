/**
 * Products in register tiles: a task walks through a panel of columns, tile by tile, and through the
 * inner index four at a time; a remainder of it is a loop of its own. Needs no memory but registers.
 */

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
import { loop, tile as declareTile, tileMultiply, when } from "../statements.ts";
import { divides } from "./affine.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import { type Product, productOf, type ProductPart, type ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readRight } from "./product-read.ts";
import { reductionsOf, rowTiles } from "./product-rows.ts";
import { storeTile } from "./product-store.ts";
import type { Known } from "./read.ts";
import { overParts } from "./product-tasks.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** Elements of the inner index that are read at once. */
const innerStep = 4;

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
  return inTiles(context, region, productOf(context, region), schedule, block, edge);
}

/** What the rows at an edge are taken in: a tile that reaches past it, or one by one. */
type Edge = "tile" | "row";

/** A kernel whose tasks do `body` for the tiles of `product`. */
export function inTiles(
  context: Context,
  region: Region,
  product: Product,
  schedule: Schedule,
  body: TileBody,
  edge: Edge = "tile",
): Lowered {
  const reductions = reductionsOf(context, product).length;
  const tilesOf = (part: ProductPart): Tiles =>
    tilesFor(product, part, schedule, { reductions, edge });
  const tasks = sumOf(product.parts.map((part) => tilesOf(part).tasks));
  const flops = sumOf(product.parts.map((part) => tilesOf(part).flops));
  const name = regionName(context, region);
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) =>
    overParts(
      context,
      product,
      (part) => tilesOf(part).tasks,
      task,
      (part, local) => panelOf(context, product, part, tilesOf(part), local, body),
    ),
  );
}

/** How a part is cut: panels of columns, walked through in tiles. */
interface Tiles {
  readonly rows: number;
  readonly edge: Edge;
  readonly columns: number;
  readonly panel: number;
  readonly rowTiles: Dimension;
  readonly panels: Dimension;
  readonly tasks: Dimension;
  readonly flops: Dimension;
}

function tilesFor(
  { batch, rows, inner }: Product,
  part: ProductPart,
  schedule: Schedule,
  { reductions, edge }: { readonly reductions: number; readonly edge: Edge },
): Tiles {
  const count = asConstant(part.columns);
  // As many sums as columns take their registers.
  const most = Math.max(1, Math.floor(schedule.columns / part.sums.length));
  const columns = Math.min(most, count ?? most);
  const panel = Math.min(schedule.panel, roundUp(count ?? schedule.panel, columns));
  const rowTiles = ceilDivide(rows, constant(schedule.rows));
  const panels = ceilDivide(part.columns, constant(panel));
  const tasks = times([batch, panels, rowTiles]);
  const computed = edge === "row" ? rows : times([constant(schedule.rows), rowTiles]);
  const strips = ceilDivide(part.columns, constant(columns));
  const products = times([constant(2 * columns * part.sums.length), strips]);
  const perRow = sumOf([products, times([constant(reductions), panels])]);
  const flops = times([batch, computed, constant(inner), perRow]);
  return { rows: schedule.rows, edge, columns, panel, rowTiles, panels, tasks, flops };
}

/** What one task does, the `task`-th of its part. */
function panelOf(
  context: Context,
  product: Product,
  part: ProductPart,
  tiles: Tiles,
  task: Expr,
  inTile: TileBody,
): readonly Statement[] {
  const down = context.size(tiles.rowTiles);
  const perBatch = build.multiply(context.size(tiles.panels), down);
  const inBatch = build.remainder(task, perBatch);
  const panelStart = build.multiply(build.quotient(inBatch, down), build.int(tiles.panel));
  const tile: ProductTile = {
    batch: { key: "batch", expr: build.quotient(task, perBatch), extent: product.batch },
    rowStart: build.multiply(build.remainder(inBatch, down), build.int(tiles.rows)),
    columnStart: panelStart,
    rows: tiles.rows,
    columns: tiles.columns,
  };
  const overColumns = (from: ProductTile): readonly Statement[] =>
    inColumns(context, product, part, from, tiles, inTile);
  const even = divides(constant(tiles.rows), product.rows);
  if (tiles.edge === "tile" || even || tiles.rows === 1) return overColumns(tile);
  const row = context.fresh("row");
  const end = context.size(product.rows);
  const single = { ...tile, rowStart: build.variable(row), rows: 1 };
  return [
    when(build.lessEqual(build.add(tile.rowStart, tiles.rows), end), overColumns(tile), [
      loop(row, tile.rowStart, end, overColumns(single)),
    ]),
  ];
}

/** Takes the columns of a panel, of which `tile` is the first tile. */
function inColumns(
  context: Context,
  product: Product,
  part: ProductPart,
  tile: ProductTile,
  tiles: Tiles,
  inTile: TileBody,
): readonly Statement[] {
  const rows = rowTiles(context, product, placeTile(context, product, part, tile), tile.rows);
  if (tiles.panel === tiles.columns)
    return [...rows.statements, ...inTile(context, product, part, tile, rows.known)];
  const start = context.fresh("column_start");
  const panelStart = tile.columnStart;
  const end = build.minimum(build.add(panelStart, tiles.panel), context.size(part.columns));
  const moved = { ...tile, columnStart: build.variable(start) };
  const body = inTile(context, product, part, moved, rows.known);
  return [...rows.statements, loop(start, panelStart, end, body, tiles.columns)];
}

const block: TileBody = (context, product, part, tile, rows) =>
  tileOf(context, product, part, tile, placeTile(context, product, part, tile), rows);

/** The sums of a tile whose elements lie at `place`, and what becomes of them. */
export function tileOf(
  context: Context,
  product: Product,
  part: ProductPart,
  tile: ProductTile,
  place: TilePlace,
  rows: Known,
): readonly Statement[] {
  const sums = part.sums.map(() => context.fresh("sum"));
  const total = product.inner;
  const whole = total - (total % innerStep);
  const statements = sums.map((sum) => declareTile(sum, tile.rows, tile.columns, 0));
  const add = (from: number, to: number, step: number): Statement =>
    innerLoop(context, { product, part, tile, place }, sums, { from, to, step });
  if (whole > 0) statements.push(add(0, whole, innerStep));
  if (whole < total) statements.push(add(whole, total, 1));
  return [...statements, ...storeTile(context, part, tile, place, sums, rows)];
}

/** Adds the products of the indices `from … to` to the sums. */
function innerLoop(
  context: Context,
  at: {
    readonly product: Product;
    readonly part: ProductPart;
    readonly tile: ProductTile;
    readonly place: TilePlace;
  },
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
