/** What becomes of a product's sums: the epilogue, and where its results are stored. */

import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { tile as declareTile, tileEach, when } from "../statements.ts";
import type { Context, Coordinates } from "./context.ts";
import type { Product, ProductTile } from "./product.ts";
import type { TilePlace } from "./product-place.ts";
import { compute } from "./read.ts";
import { storeTo } from "./store.ts";

/**
 * Finishes a tile whose sums are in the register tile `sum`. The epilogue is computed at clamped
 * places, too, and stored only inside.
 */
export function storeTile(
  context: Context,
  { region }: Product,
  tile: ProductTile,
  place: TilePlace,
  sum: string,
): readonly Statement[] {
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const at = (r: Expr, c: Expr): Coordinates =>
    new Map([...place.batch, ...place.row(r), ...place.column(c)]);
  const word = (name: string): Expr => build.variable(name);
  const statements: Statement[] = [];
  let finished = sum;
  if (region.result !== region.root) {
    finished = context.fresh("result");
    const known = new Map([[region.root, build.element(sum)]]);
    const value = compute(context, region.result, at(word(row), word(column)), known);
    statements.push(declareTile(finished, tile.rows, tile.columns, value, row, column));
  }
  const [storeRow, storeColumn] = [context.fresh("row"), context.fresh("column")];
  const store = storeTo(
    context,
    region.store,
    at(word(storeRow), word(storeColumn)),
    build.element(finished),
  );
  const inside = place.inside(word(storeRow), word(storeColumn));
  const body = inside === undefined ? [store] : [when(inside, [store])];
  statements.push(tileEach(finished, storeRow, storeColumn, body));
  return statements;
}
