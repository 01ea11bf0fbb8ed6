/** The walk of some packed query rows over the key tiles of an attention's parts. */

import { asConstant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { declare, when } from "../statements.ts";
import { classOf, type KeyShares, keyRanges, overKeys, type RowRanges } from "./attend-class.ts";
import { isVisible, keyPlace, type PairPlace, partAt } from "./attend-pair.ts";
import type { Attention, PackedRows } from "./attend-rows.ts";
import { isMultiple } from "./attend-tiles.ts";
import type { Coordinates } from "./context.ts";

/** Packed rows that walk over keys together. */
export interface Walk {
  readonly attention: Attention;
  readonly rows: PackedRows;
  /** The first packed row, and how many there are. */
  readonly first: Expr;
  readonly count: Expr;
  /** Keys of a tile. */
  readonly keys: number;
  /** The facts of the rows. */
  readonly queries: RowRanges;
  /** Absent where the rows take all keys. */
  readonly split?: KeyShares | undefined;
}

/** A key tile of one part: its place and how its rows are read. */
export interface KeyTile {
  readonly part: number;
  /** The first key row. */
  readonly start: Expr;
  /** The place of key row `key` of the tile, never past the last. */
  readonly row: (key: Expr) => Expr;
  readonly place: (key: Expr) => Coordinates;
  /** Whether all keys of the tile are there, if that is not always so. */
  readonly inRange: Expr | undefined;
  /** Whether the pair is visible and there. */
  readonly shown: (row: Expr, key: Expr) => Expr;
  readonly at: (row: Expr, key: Expr) => PairPlace;
}

/** A key tile in its walk, with the facts of its keys. */
export interface WalkedTile extends KeyTile {
  readonly ranges: RowRanges;
  /** How many of its keys are there. */
  readonly existing: Expr;
  /** The coordinates of the heads whose keys they are. */
  readonly heads: Coordinates;
}

/** The tile of a part whose first key row is `start`. */
export function keyTileOf(
  walk: Pick<Walk, "attention" | "rows" | "first" | "keys">,
  part: number,
  start: Expr,
): KeyTile {
  const { attention, rows, first, keys } = walk;
  const { context } = attention;
  const size = context.extent(partAt(attention, part).axis);
  const even = isMultiple(size, keys);
  const count = context.size(size);
  const row = (key: Expr): Expr => {
    const wanted = build.add(start, key);
    return even ? wanted : build.minimum(wanted, build.subtract(count, 1));
  };
  const place = (key: Expr): Coordinates => keyPlace(attention, part, rows.keyHeads, row(key));
  const at = (queryRow: Expr, key: Expr): PairPlace => {
    const packed = build.add(first, queryRow);
    const query = rows.place(packed);
    return { part, query, queryRow: rows.queryRow(packed), key: place(key), keyRow: row(key) };
  };
  return {
    ...{ part, start, row, place, at },
    inRange: even ? undefined : build.lessEqual(build.add(start, keys), count),
    shown: (queryRow, key) => {
      const visible = isVisible(attention, at(queryRow, key));
      return even ? visible : build.and(visible, build.less(build.add(start, key), count));
    },
  };
}

/** Whether rows with these facts see any key of the tile, and whether all pairs are visible and there. */
export function tileClasses(
  attention: Attention,
  queries: RowRanges,
  { part, ranges, heads, inRange }: Pick<WalkedTile, "part" | "ranges" | "heads" | "inRange">,
): { readonly possible: Expr; readonly whole: Expr } {
  const { possible, certain } = classOf(attention, part, queries, ranges, heads);
  return { possible, whole: inRange === undefined ? certain : build.and(certain, inRange) };
}

/**
 * The loop over the tiles of a part that the queries see: `body` takes one, whether all its pairs are
 * visible and there, and the key row that the walk ends before.
 */
export function walkPart(
  walk: Omit<Walk, "count">,
  part: number,
  body: (tile: WalkedTile, unmasked: Expr, end: Expr) => readonly Statement[],
): readonly Statement[] {
  const { attention, rows, keys, queries } = walk;
  const { context } = attention;
  const { axis, mask } = partAt(attention, part);
  const start = context.fresh("key_start");
  const place = keyTileOf(walk, part, build.variable(start));
  const size = context.extent(axis);
  const count = context.size(size);
  const left = build.subtract(count, place.start);
  const existing = place.inRange === undefined ? build.int(keys) : build.minimum(left, keys);
  const ranges = keyRanges(attention, part, rows, place.start, existing, keys);
  const tile = { ...place, ranges, existing, heads: rows.keyHeads };
  const { possible, whole } = tileClasses(attention, queries, tile);
  const unmasked = context.fresh("unmasked");
  const isPlain = mask.kind === "constant";
  const loops = overKeys(walk, part, start, (end) => {
    const known = build.variable(unmasked, build.bool);
    const step = [declare(unmasked, whole), ...body(tile, known, end)];
    return isPlain ? step : [...ranges.statements, when(possible, step)];
  });
  // Bounds read the first and last key.
  return asConstant(size) === undefined ? [when(build.less(0, count), loops)] : loops;
}
