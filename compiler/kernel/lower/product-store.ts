/** What becomes of a part's sums: the epilogues, and where their results are stored. */

import { invariant } from "../../../grammar/invariant.ts";
import * as build from "../build.ts";
import type { Statement } from "../kernel.ts";
import { tile as declareTile, tileEach, when } from "../statements.ts";
import type { Context } from "./context.ts";
import type { ProductPart, ProductResult, ProductTile } from "./product.ts";
import type { TilePlace } from "./product-place.ts";
import { compute, type Known } from "./read.ts";
import { storeTo } from "./store.ts";

/**
 * Finishes a tile whose sums are in the register tiles `sums`, in the order of the part's; `rows` are
 * the row values (`product-rows.ts`). Epilogues are computed at clamped places, too, and stored only
 * inside.
 */
export function storeTile(
  context: Context,
  part: ProductPart,
  tile: ProductTile,
  place: TilePlace,
  sums: readonly string[],
  rows: Known,
): readonly Statement[] {
  const known = new Map(rows);
  for (const [index, { root }] of part.sums.entries()) {
    const name = sums[index];
    invariant(name !== undefined, "lowering: a tile for each sum");
    known.set(root, build.element(name));
  }
  return part.results.flatMap((result) => storeResult(context, result, tile, place, known));
}

function storeResult(
  context: Context,
  each: ProductResult,
  tile: ProductTile,
  place: TilePlace,
  known: Known,
): readonly Statement[] {
  const { result, store } = each;
  const statements: Statement[] = [];
  const sum = known.get(result);
  let finished = sum?.kind === "element" ? sum.tile : undefined;
  if (finished === undefined) {
    finished = context.fresh("result");
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    const at = place.result(each, build.variable(row), build.variable(column));
    const value = compute(context, result, at, known);
    statements.push(declareTile(finished, tile.rows, tile.columns, value, row, column));
  }
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const [rowWord, columnWord] = [build.variable(row), build.variable(column)];
  const at = place.result(each, rowWord, columnWord);
  const stored = storeTo(context, store, at, build.element(finished));
  const inside = place.inside(rowWord, columnWord);
  const body = inside === undefined ? [stored] : [when(inside, [stored])];
  statements.push(tileEach(finished, row, column, body));
  return statements;
}
