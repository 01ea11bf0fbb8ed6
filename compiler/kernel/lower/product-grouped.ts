/**
 * Products whose right operand is a matrix that each row chooses, over rows sorted by their choice. A
 * tile of rows meets few matrices: it is multiplied by each of them, and keeps the rows that chose it.
 * No more than `rows / tile + matrices` products of a tile and a matrix are computed, and none is
 * copied for a row.
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt } from "../../graph/graph.ts";
import { type Indexed, indexedRows } from "../../graph/indexed.ts";
import type { AxisName } from "../../op/axis.ts";
import { constant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { declare, loop, when } from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { type Product, productOf, type ProductSum, type ProductTile } from "./product.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { inTiles, type TileBody, tileOf } from "./product-registers.ts";
import { extentOf, read } from "./read.ts";
import type { Lowered, Schedule } from "./schedule.ts";

/** A grouped product, and how a tile of its rows meets the matrices that they chose. */
export interface Grouped {
  /** The product with all rows of one axis, whatever matrix they chose. */
  readonly product: Product;
  /**
   * `body` for each matrix that rows of `tile`, which lies at `place`, chose; it may narrow places of
   * these rows to those that chose it.
   */
  readonly overMatrices: (
    tile: ProductTile,
    place: TilePlace,
    body: (narrow: (place: TilePlace) => TilePlace) => readonly Statement[],
  ) => readonly Statement[];
  /** A place with some matrix. */
  readonly withAny: (place: TilePlace) => TilePlace;
}

/** The region of products over the rows `axis`, each with the matrix that it chose. */
export function groupedOf(context: Context, region: Region, axis: AxisName): Grouped {
  const product = productOf(context, region);
  const first = product.parts[0]?.sums[0];
  invariant(first !== undefined, "lowering: a product has a sum");
  const { index, axis: matrices } = chosenBy(context, first);
  const choice = (at: Coordinates): Expr => read(context, index, at);
  const flat: Product = {
    ...product,
    batchAxes: [],
    rowAxes: [axis],
    batch: constant(1),
    rows: extentOf(context, [axis]),
    parts: product.parts.map((part) => ({
      ...part,
      sums: part.sums.map((sum) => ({ ...sum, right: chosenBy(context, sum).source })),
    })),
  };
  return {
    product: flat,
    withAny: (place) => withMatrix(context, place, matrices, build.variable("matrix"), choice),
    overMatrices: (tile, place, body) => {
      const [member, matrix] = [context.fresh("member"), context.fresh("matrix")];
      const [row, chosen] = [build.variable(member), build.variable(matrix)];
      const before = build.maximum(build.subtract(row, build.int(1)), build.int(0));
      const isFirst = build.or(
        build.equal(row, build.int(0)),
        build.notEqual(choice(place.row(before)), chosen),
      );
      const isRow = build.less(build.add(tile.rowStart, row), context.size(flat.rows));
      const statements = body((each) => withMatrix(context, each, matrices, chosen, choice));
      return [
        loop(member, 0, tile.rows, [
          declare(matrix, choice(place.row(row))),
          when(build.and(isRow, isFirst), statements),
        ]),
      ];
    },
  };
}

/** Lowers such a region in register tiles. */
export function groupedProduct(
  context: Context,
  region: Region,
  schedule: Schedule,
  axis: AxisName,
): Lowered {
  const { product, overMatrices } = groupedOf(context, region, axis);
  const body: TileBody = (_, all, part, tile, rows) => {
    const place = placeTile(context, all, part, tile);
    return overMatrices(tile, place, (narrow) =>
      tileOf(context, { product: all, part, tile, place: narrow(place) }, rows, schedule),
    );
  };
  return inTiles(context, region, product, schedule, body);
}

function chosenBy(context: Context, { right }: ProductSum): Indexed {
  const chosen = indexedRows((id) => nodeAt(context.graph, id), right);
  invariant(chosen !== undefined, "lowering: the right operand of a grouped product is chosen");
  return chosen;
}

/** `place` with one matrix for all rows, of which those are stored that chose it. */
function withMatrix(
  context: Context,
  place: TilePlace,
  axis: AxisName,
  matrix: Expr,
  choice: (at: Coordinates) => Expr,
): TilePlace {
  const at = affineOf(context.opaque(matrix, context.extent(axis)));
  return {
    ...place,
    right: (sum, inner, column) => new Map([...place.right(sum, inner, column), [axis, at]]),
    paddedRight: (sum, inner, column) =>
      new Map([...place.paddedRight(sum, inner, column), [axis, at]]),
    inside: (row, column) => {
      const chose = build.equal(choice(place.row(row)), matrix);
      const inside = place.inside(row, column);
      return inside === undefined ? chose : build.and(inside, chose);
    },
  };
}
