/** What a warp does with its rows at the end: it stores them or, where groups split keys, a share. */

import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import type { AttendBlock } from "../schedule/attend-blocks.ts";
import { when } from "../statements.ts";
import type { Attention, PackedRows } from "./attend-rows.ts";
import { type OwnShare, partialsOf, storeOutputs, storeStatistics } from "./attend-split.ts";
import { resultOf, storeRows, type TileValue, valueColumn } from "./attend-tiles.ts";
import type { Coordinates } from "./context.ts";

/** The running rows of a warp, and where they are. */
export interface WarpRows {
  readonly attention: Attention;
  readonly block: AttendBlock;
  readonly rows: PackedRows;
  readonly set: Expr;
  /** The first of its packed rows. */
  readonly first: Expr;
  readonly tiles: {
    readonly maximum: string;
    readonly sum: string;
    readonly output: string | undefined;
  };
}

/** Stores the rows or, where groups split their keys, the group's share of them. */
export function storeWarpShare(warp: WarpRows, own: OwnShare | undefined): readonly Statement[] {
  const { attention, block, tiles, set, first } = warp;
  const { output } = tiles;
  if (own === undefined) return storeWarpRows(warp);
  const partials = partialsOf(attention, own.split, "write");
  const slot = (row: Expr): Expr => partials.slot(own.share, set, build.add(first, row));
  const rows = { attention, partials, ...tiles, slot, exists: existing(warp) };
  const isPadded = block.width !== attention.width;
  const inside = isPadded ? (c: Expr) => build.less(c, attention.width) : undefined;
  const outputs = output === undefined ? [] : [storeOutputs(rows, output, (c) => c, inside)];
  const left = [...storeStatistics(rows), ...outputs];
  return [when(own.isWhole, storeWarpRows(warp), left)];
}

/** Stores the results of the rows. */
export function storeWarpRows(warp: WarpRows): readonly Statement[] {
  const { attention, block, rows, first, tiles } = warp;
  const { output } = tiles;
  const place = (row: Expr): Coordinates => rows.place(build.add(first, row));
  const row = { maximum: build.element(tiles.maximum), total: build.element(tiles.sum) };
  const exists = existing(warp);
  if (output === undefined) {
    const raw = resultOf(attention, row);
    return storeRows(
      ...([attention, block.warpRows, 1, place] as const),
      () => new Map(),
      () => raw,
      exists,
    );
  }
  const padded = block.width !== attention.width;
  const column = (c: Expr): Coordinates =>
    valueColumn(attention, padded ? build.minimum(c, attention.width - 1) : c);
  const raw = resultOf(attention, { ...row, output: build.element(output) });
  const inside: TileValue = (r, c) =>
    padded ? build.and(exists(r), build.less(c, attention.width)) : exists(r);
  return storeRows(attention, block.warpRows, block.width, place, column, () => raw, inside);
}

/** Whether the warp has a row of that number. */
function existing({ attention, first }: WarpRows): (row: Expr) => Expr {
  return (row) => build.less(build.add(first, row), attention.context.size(attention.rows));
}
