/** Reading the operands of a product: a load, or what is computed in place of one (prologues). */

import type { Expr } from "../kernel.ts";
import type { Context, Coordinates } from "./context.ts";
import type { Product } from "./product.ts";
import type { TilePlace } from "./product-place.ts";
import { read } from "./read.ts";

/** The left operand at a row of the tile and an index of the sum. */
export function readLeft(
  context: Context,
  { roles }: Product,
  place: TilePlace,
  row: Expr,
  inner: Expr,
): Expr {
  return read(context, roles.left, at(place.batch, place.row(row), place.inner(inner)));
}

/** The right operand at an index of the sum and a column of the tile. */
export function readRight(
  context: Context,
  { roles }: Product,
  place: TilePlace,
  inner: Expr,
  column: Expr,
): Expr {
  return read(context, roles.right, at(place.batch, place.inner(inner), place.column(column)));
}

function at(...parts: readonly Coordinates[]): Coordinates {
  return new Map(parts.flatMap((part) => [...part]));
}
