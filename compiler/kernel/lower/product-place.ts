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
import type { Product, ProductPart, ProductSum, ProductTile } from "./product.ts";
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
  /** Of the results. */
  readonly result: (row: Expr, column: Expr) => Coordinates;
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
  const rowsEven = isMultiple(rows, tile.rows);
  const columnsEven = isMultiple(columns, tile.columns);
  const clamped = (key: string, index: Expr, extent: Dimension, even: boolean): Base => ({
    key,
    expr: even ? index : build.minimum(index, build.subtract(context.size(extent), build.int(1))),
    extent,
  });
  const rowAt = (row: Expr): Expr => build.add(tile.rowStart, row);
  const columnAt = (column: Expr): Expr => build.add(tile.columnStart, column);
  const coordinates = (axes: readonly AxisName[], base: Base): Coordinates =>
    unflatten(context, axes, affineOf(base));
  const batch = coordinates(product.batchAxes, tile.batch);
  const rowPlace = (row: Expr): Coordinates =>
    coordinates(product.rowAxes, clamped("row", rowAt(row), rows, rowsEven));
  const paddedColumn = (sum: ProductSum, column: Expr): Coordinates =>
    coordinates(sum.columnAxes, {
      key: "column",
      expr: columnAt(column),
      extent: columns,
      ...partsOf(tile, column),
    });
  const columnPlace = (sum: ProductSum, column: Expr): Coordinates =>
    columnsEven
      ? paddedColumn(sum, column)
      : coordinates(sum.columnAxes, clamped("column", columnAt(column), columns, false));
  const innerPlace = (index: Expr): Coordinates =>
    coordinates(product.innerAxes, { key: "inner", expr: index, extent: constant(inner) });
  return {
    left: (row, index) => new Map([...batch, ...rowPlace(row), ...innerPlace(index)]),
    right: (sum, index, column) =>
      new Map([...batch, ...innerPlace(index), ...columnPlace(sum, column)]),
    paddedRight: (sum, index, column) =>
      new Map([...batch, ...innerPlace(index), ...paddedColumn(sum, column)]),
    row: (row) => new Map([...batch, ...rowPlace(row)]),
    result: (row, column) =>
      new Map([
        ...batch,
        ...rowPlace(row),
        ...part.sums.flatMap((sum) => [...columnPlace(sum, column)]),
      ]),
    inside: (row, column) => {
      const tests: Expr[] = [];
      if (!rowsEven) tests.push(build.less(rowAt(row), context.size(rows)));
      if (!columnsEven) tests.push(build.less(columnAt(column), context.size(columns)));
      return tests.length === 0 ? undefined : tests.reduce((a, b) => build.and(a, b));
    },
  };
}

function partsOf({ columnBlock: high, columns: modulus }: ProductTile, low: Expr) {
  return high === undefined ? {} : { parts: { high, low, modulus } };
}

function isMultiple(size: Dimension, of: number): boolean {
  const value = asConstant(size);
  return of === 1 || (value !== undefined && value % of === 0);
}
