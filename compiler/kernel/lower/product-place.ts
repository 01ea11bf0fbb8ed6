/**
 * Where the elements of a tile of a product lie in its operands and its result. Rows and columns past
 * the end are clamped to the last one for reading, and are not stored (tile edges).
 */

import { asConstant, constant, type Dimension } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";
import { affineOf, type Base } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import type { Product, ProductTile } from "./product.ts";
import { unflatten } from "./read.ts";

/** The places of a tile's elements, by their row and column in the tile. */
export interface TilePlace {
  readonly batch: Coordinates;
  readonly row: (row: Expr) => Coordinates;
  readonly column: (column: Expr) => Coordinates;
  readonly inner: (index: Expr) => Coordinates;
  /** Whether an element of the tile is one of the result; undefined if all are. */
  readonly inside: (row: Expr, column: Expr) => Expr | undefined;
}

/** The places of the elements of `tile`. */
export function placeTile(context: Context, product: Product, tile: ProductTile): TilePlace {
  const { roles, rows, columns, inner } = product;
  const rowsEven = isMultiple(rows, tile.rows);
  const columnsEven = isMultiple(columns, tile.columns);
  const clamped = (key: string, index: Expr, extent: Dimension, even: boolean): Base => ({
    key,
    expr: even ? index : build.minimum(index, build.subtract(context.size(extent), build.int(1))),
    extent,
  });
  const rowAt = (row: Expr): Expr => build.add(tile.rowStart, row);
  const columnAt = (column: Expr): Expr => build.add(tile.columnStart, column);
  const coordinates = (axes: readonly string[], base: Base): Coordinates =>
    unflatten(context, axes, affineOf(base));
  return {
    batch: coordinates(roles.batch, tile.batch),
    row: (row) => coordinates(roles.rows, clamped("row", rowAt(row), rows, rowsEven)),
    column: (column) =>
      coordinates(roles.columns, clamped("column", columnAt(column), columns, columnsEven)),
    inner: (index) =>
      coordinates(roles.inner, { key: "inner", expr: index, extent: constant(inner) }),
    inside: (row, column) => {
      const tests: Expr[] = [];
      if (!rowsEven) tests.push(build.less(rowAt(row), context.size(rows)));
      if (!columnsEven) tests.push(build.less(columnAt(column), context.size(columns)));
      return tests.length === 0 ? undefined : tests.reduce((a, b) => build.and(a, b));
    },
  };
}

function isMultiple(size: Dimension, of: number): boolean {
  const value = asConstant(size);
  return of === 1 || (value !== undefined && value % of === 0);
}
