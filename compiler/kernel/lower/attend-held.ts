/**
 * Rows that an invocation holds in registers: queries, and outputs that grow. They are cut along the
 * head into tiles of four elements, what is left into tiles of one; a column of a tile is a row.
 */

import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tileReduce } from "../statements.ts";
import { fill, refill } from "./attend-tiles.ts";
import type { Context } from "./context.ts";

/** Held rows: some elements of each. */
export interface Held {
  readonly context: Context;
  /** How many rows. */
  readonly rows: number;
  /** The tiles in the order of their elements. */
  readonly blocks: readonly Block[];
  /** Whether what is done with the tiles is a loop instead of one statement after another. */
  readonly rolled: boolean;
}

interface Block {
  readonly tile: string;
  readonly start: number;
  readonly size: number;
}

/** Declares tiles of zeros for `rows` rows of `elements` elements. */
export function holdRows(
  context: Context,
  name: string,
  rows: number,
  elements: number,
  rolled: boolean,
  out: Statement[],
): Held {
  const fours = elements - (elements % 4);
  const starts = Array.from({ length: fours / 4 + (elements % 4) }, (_, index) =>
    index < fours / 4 ? 4 * index : fours + index - fours / 4,
  );
  const blocks = starts.map((start) => {
    const size = start < fours ? 4 : 1;
    const tile = fill(context, `${name}_${start}`, size, rows, () => build.real(0), out);
    return { tile, start, size };
  });
  return { context, rows, blocks, rolled: rolled && fours === elements && starts.length > 1 };
}

/**
 * What `body` does with each tile, whose first element is number `start`. Where it is a loop it is
 * done with the first, and all move up after each round: at the end they are where they were.
 */
export function overBlocks(
  { context, rows, blocks, rolled }: Held,
  body: (tile: string, start: Expr, size: number) => readonly Statement[],
): readonly Statement[] {
  const [first, ...others] = blocks;
  if (first === undefined) return [];
  if (!rolled) return blocks.flatMap(({ tile, start, size }) => body(tile, build.int(start), size));
  const start = context.fresh("start");
  const moved: Statement[] = [];
  const kept = fill(context, "kept", first.size, rows, () => build.element(first.tile), moved);
  let target = first.tile;
  for (const { tile } of others) {
    moved.push(refill(context, target, () => build.element(tile)));
    target = tile;
  }
  moved.push(refill(context, target, () => build.element(kept)));
  const taken = body(first.tile, build.variable(start), first.size);
  return [loop(start, 0, blocks.length * first.size, [...taken, ...moved], first.size)];
}

/** Declares a tile of one column, that with number `row` of `tile`, `size` by `rows`; gives its name. */
export function columnOf(
  context: Context,
  tile: string,
  size: number,
  rows: number,
  row: Expr,
  out: Statement[],
): string {
  // The others add zeros, whatever they are.
  const chosen = (each: Expr): Expr =>
    build.select(build.equal(row, each), build.element(tile), build.real(0));
  const only = fill(context, "only", size, rows, (_, each) => chosen(each), out);
  const name = context.fresh("own");
  out.push(tileReduce(name, only, "sum"));
  return name;
}
