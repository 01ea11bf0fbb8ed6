/**
 * Attention whose warps split the keys: how what they found for the same rows is put together. All
 * agree on the largest maximum, and one after another adds its sum and output, so that the order, and
 * with it the result, is always the same.
 */

import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { barrier, loop, storeArray, tileEach, when } from "../statements.ts";
import type { Attention } from "./attend-rows.ts";
import { fill, keep, refill, type TileValue } from "./attend-tiles.ts";
import type { GroupMemory } from "./warps.ts";

/** The running tiles of each warp, for the same rows. */
export interface Shares {
  readonly attention: Attention;
  readonly memory: GroupMemory;
  readonly warps: number;
  readonly rows: number;
  /** Columns of the output. */
  readonly width: number;
  readonly maximum: string;
  readonly sum: string;
  readonly output: string | undefined;
}

/** A tile whose elements are added in group memory. */
interface Added {
  readonly tile: string;
  readonly array: string;
  readonly at: TileValue;
}

/** Adds the shares up; the first warp then holds the whole and does `finish`. */
export function gatherShares(
  shares: Shares,
  power: (x: Expr) => Expr,
  finish: readonly Statement[],
): readonly Statement[] {
  const { attention, memory, warps, rows, width, sum, output } = shares;
  const { context, op } = attention;
  const inRow: TileValue = (row, column) => build.add(build.multiply(row, width), column);
  const all: readonly Added[] = [
    { tile: sum, array: memory.plain("sums", rows), at: (row) => row },
    ...(output === undefined
      ? []
      : [{ tile: output, array: memory.plain("outputs", rows * width), at: inRow }]),
  ];
  const isFirst = build.equal(build.warp, 0);
  const stored = all.map(({ tile, array, at }) => keep(context, tile, array, at));
  const taken = all.map(({ tile, array, at }) =>
    refill(context, tile, (row, column) => build.loadArray(array, at(row, column))),
  );
  // By who holds the element: lanes that hold the same sum would read what one of them has written.
  const added = all.map(({ tile, array, at }) => {
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    const place = at(build.variable(row), build.variable(column));
    const sumOf = build.add(build.loadArray(array, place), build.element(tile));
    return tileEach(tile, row, column, [storeArray(array, place, sumOf)]);
  });
  const turn = context.fresh("turn");
  const isOwnTurn = build.equal(build.warp, build.variable(turn));
  return [
    ...(op.normalize === "softmax" ? toOneMaximum(shares, all, power) : []),
    when(isFirst, stored),
    barrier,
    loop(turn, 1, warps, [when(isOwnTurn, added), barrier]),
    when(isFirst, [...taken, ...finish]),
  ];
}

/** Brings all shares to the largest maximum. */
function toOneMaximum(
  { attention, memory, warps, rows, maximum }: Shares,
  all: readonly Added[],
  power: (x: Expr) => Expr,
): readonly Statement[] {
  const { context } = attention;
  const maxima = memory.plain("maxima", warps * rows);
  const place = (warp: Expr, row: Expr): Expr => build.add(build.multiply(warp, rows), row);
  const out = [keep(context, maximum, maxima, (row) => place(build.warp, row)), barrier];
  const of = (warp: Expr, row: Expr): Expr => build.loadArray(maxima, place(warp, row));
  const top = fill(context, "top", rows, 1, (row) => of(build.int(0), row), out);
  const other = context.fresh("other");
  const larger: TileValue = (row) =>
    build.maximum(build.element(top), of(build.variable(other), row));
  out.push(loop(other, 1, warps, [refill(context, top, larger)]));
  const change = (): Expr => power(build.subtract(build.element(maximum), build.element(top)));
  const factor = fill(context, "factor", rows, 1, change, out);
  const scaled = ({ tile }: Added): Statement =>
    refill(context, tile, () => build.multiply(build.element(tile), build.element(factor)));
  return [...out, refill(context, maximum, () => build.element(top)), ...all.map(scaled)];
}
