/**
 * Where the elements of a tile of a product lie in its operands and its results. Rows and columns
 * past the end are clamped to the last one for reading, and are not stored (tile edges).
 */

import type { AxisName } from "../../op/axis.ts";
import { asConstant, constant, type Dimension } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";
import { affineOf, type Base } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import type { Product, ProductPart, ProductResult, ProductSum, ProductTile } from "./product.ts";
import { unflatten } from "./read.ts";

/** The places of a tile's elements, by their row and column in the tile. */
export interface TilePlace {
  /** Of the left operand. */
  readonly left: (row: Expr, inner: Expr) => Coordinates;
  /** Of a sum's right operand. */
  readonly right: (sum: ProductSum, inner: Expr, column: Expr) => Coordinates;
  /** The same for operands that are padded: past the last column, too. */
  readonly paddedRight: (sum: ProductSum, inner: Expr, column: Expr) => Coordinates;
  /** Of a row, for what is known of rows as a whole. */
  readonly row: (row: Expr) => Coordinates;
  /** Of a result. */
  readonly result: (result: ProductResult, row: Expr, column: Expr) => Coordinates;
  /** Whether an element of the tile is one of the results; undefined if all are. */
  readonly inside: (row: Expr, column: Expr) => Expr | undefined;
}

/** The places of the elements of `tile`, which lies in `part`. */
export function placeTile(
  context: Context,
  product: Product,
  part: ProductPart,
  tile: ProductTile,
): TilePlace {
  const { rows, inner } = product;
  const { columns } = part;
  const { block = tile, rowStep = 1, columnStep = 1 } = tile;
  const rowsEven = isMultiple(rows, block.rows);
  const columnsEven = isMultiple(columns, block.columns);
  const clamped = (key: string, index: Expr, extent: Dimension, even: boolean): Base => ({
    key,
    expr: even ? index : build.minimum(index, build.subtract(context.size(extent), build.int(1))),
    extent,
  });
  const rowAt = (row: Expr): Expr => build.add(tile.rowStart, build.multiply(row, rowStep));
  const columnAt = (column: Expr): Expr =>
    build.add(tile.columnStart, build.multiply(column, columnStep));
  const coordinates = (axes: readonly AxisName[], base: Base): Coordinates =>
    unflatten(context, axes, affineOf(base));
  const batch = coordinates(product.batchAxes, tile.batch);
  const rowPlace = (row: Expr): Coordinates =>
    coordinates(product.rowAxes, clamped("row", rowAt(row), rows, rowsEven));
  const paddedBase = (column: Expr): Base => ({
    key: "column",
    expr: columnAt(column),
    extent: columns,
    ...partsOf(tile, column),
  });
  const paddedColumn = (of: ProductSum | ProductResult, column: Expr): Coordinates =>
    coordinates(of.columnAxes, paddedBase(column));
  const panels = columnsByPanels(part, tile);
  const fours = columnsEven ? undefined : columnsByFours(part, tile);
  const columnPlace = (of: ProductSum | ProductResult, column: Expr): Coordinates => {
    if (columnsEven) return paddedColumn(of, column);
    const base =
      fours?.clamped(column) ?? clamped("column", columnAt(column), columns, columnsEven);
    return coordinates(of.columnAxes, base);
  };
  const innerPlace = (index: Expr): Coordinates =>
    coordinates(product.innerAxes, { key: "inner", expr: index, extent: constant(inner) });
  return {
    left: (row, index) => new Map([...batch, ...rowPlace(row), ...innerPlace(index)]),
    right: (sum, index, column) =>
      new Map([...batch, ...innerPlace(index), ...columnPlace(sum, column)]),
    paddedRight: (sum, index, column) =>
      new Map([
        ...batch,
        ...innerPlace(index),
        ...coordinates(sum.columnAxes, (panels ?? paddedBase)(column)),
      ]),
    row: (row) => new Map([...batch, ...rowPlace(row)]),
    result: (result, row, column) =>
      new Map([...batch, ...rowPlace(row), ...columnPlace(result, column)]),
    inside: (row, column) => {
      const tests: Expr[] = [];
      if (!rowsEven) tests.push(build.less(rowAt(row), context.size(rows)));
      const beyond = (): Expr => build.less(columnAt(column), context.size(columns));
      if (!columnsEven) tests.push(fours?.inside(column) ?? beyond());
      return tests.length === 0 ? undefined : tests.reduce((a, b) => build.and(a, b));
    },
  };
}

/** Columns at an edge in fours that are all inside or all outside, so that lanes stay together. */
interface ColumnsByFours {
  readonly clamped: (column: Expr) => Base;
  readonly inside: (column: Expr) => Expr;
}

function columnsByFours(
  { columns }: ProductPart,
  { columnBlock, columns: width }: ProductTile,
): ColumnsByFours | undefined {
  const count = asConstant(columns);
  if (columnBlock === undefined || count === undefined) return undefined;
  if (count % 4 !== 0 || width % 4 !== 0) return undefined;
  const fourOf = (column: Expr): Expr =>
    build.add(build.multiply(columnBlock, width / 4), build.quotient(column, 4));
  return {
    inside: (column) => build.less(fourOf(column), count / 4),
    clamped: (column) => {
      const high = build.minimum(fourOf(column), count / 4 - 1);
      const low = build.remainder(column, 4);
      const expr = build.add(build.multiply(high, 4), low);
      return { key: "column", expr, extent: columns, parts: { high, low, modulus: 4 } };
    },
  };
}

/** Columns of operands that are padded, clamped to the last panel; undefined if no tile leaves it. */
function columnsByPanels(
  { columns }: ProductPart,
  { columnBlock, columns: width, paddedTo }: ProductTile,
): ((column: Expr) => Base) | undefined {
  const count = asConstant(columns);
  if (columnBlock === undefined || count === undefined || paddedTo === undefined) return undefined;
  const panels = Math.ceil(count / paddedTo);
  if ((panels * paddedTo) % width === 0) return undefined;
  const first = build.multiply(columnBlock, width / paddedTo);
  return (column) => {
    const panel = build.add(first, build.quotient(column, paddedTo));
    const high = build.minimum(panel, panels - 1);
    const low = build.remainder(column, paddedTo);
    const expr = build.add(build.multiply(high, paddedTo), low);
    return { key: "column", expr, extent: columns, parts: { high, low, modulus: paddedTo } };
  };
}

function partsOf({ columnBlock: high, columns: modulus }: ProductTile, low: Expr) {
  return high === undefined ? {} : { parts: { high, low, modulus } };
}

function isMultiple(size: Dimension, of: number): boolean {
  const value = asConstant(size);
  return of === 1 || (value !== undefined && value % of === 0);
}
