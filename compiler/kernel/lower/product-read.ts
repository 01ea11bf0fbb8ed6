/** Reading the operands of a product: a load, or what is computed in place of one (prologues). */

import type { Expr } from "../kernel.ts";
import type { Context } from "./context.ts";
import type { Product, ProductSum } from "./product.ts";
import type { TilePlace } from "./product-place.ts";
import { read } from "./read.ts";

/** The left operand at a row of the tile and an index of the sum; an expression, not always a load. */
export function readLeft(
  context: Context,
  product: Product,
  place: TilePlace,
  row: Expr,
  inner: Expr,
): Expr {
  return read(context, product.left, place.left(row, inner));
}

/** The right operand of `sum` at an index of the sum and a column of the tile. */
export function readRight(
  context: Context,
  sum: ProductSum,
  place: TilePlace,
  inner: Expr,
  column: Expr,
): Expr {
  return read(context, sum.right, place.right(sum, inner, column));
}

/** The same of an operand that is padded: past the last column, too. */
export function readPaddedRight(
  context: Context,
  sum: ProductSum,
  place: TilePlace,
  inner: Expr,
  column: Expr,
): Expr {
  return read(context, sum.right, place.paddedRight(sum, inner, column));
}
