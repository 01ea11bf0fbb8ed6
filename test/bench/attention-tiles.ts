/**
 * How closely kernels follow a mask: the tiles that a kernel computes, by the loops and classes that it
 * computes itself, against the tiles that hold a visible pair, by definition.
 */

import { readLengths } from "../../compiler/report/lengths.ts";
import { drawnAttentions } from "../../compiler/report/drawn-attentions.ts";
import { maskPicture } from "../../compiler/report/mask-picture.ts";
import { type Grid, isVisible, type SideRows } from "../../compiler/report/tile-grid.ts";
import {
  classOf,
  type Extent,
  type KeyLoop,
  keyLoops,
  numbers,
  type TileRanges,
  tileTest,
} from "../../compiler/mask/index.ts";
import { modelOf } from "./braid.ts";
import { type GalleryMask, specOf } from "./gallery.ts";

/** What a kernel does with the tiles of a mask. */
export interface TileWork {
  /** All tiles of the pairs of rows. */
  readonly all: number;
  /** Tiles that hold a visible pair. */
  readonly needed: number;
  /** Tiles that are computed. */
  readonly visited: number;
  /** Rounds of the loops over keys, those that skip a tile by its class included. */
  readonly rounds: number;
  readonly visiblePairs: number;
  readonly pairs: number;
}

/** Counts the tiles of `size` by `size` rows of a mask. */
export function tileWork(mask: GalleryMask, size: number): TileWork {
  const total = { all: 0, needed: 0, visited: 0, rounds: 0, visiblePairs: 0, pairs: 0 };
  for (const { grid, computed } of gridsOf(mask, size)) {
    const part = computed ? countGrid(grid) : { rounds: 0, visited: 0, needed: 0, visiblePairs: 0 };
    const { queries, keys } = grid;
    total.all += Math.ceil(queries.count / size) * Math.ceil(keys.count / size);
    total.pairs += queries.count * keys.count;
    total.rounds += part.rounds;
    total.visited += part.visited;
    total.needed += part.needed;
    total.visiblePairs += part.visiblePairs;
  }
  return total;
}

/** Pairs of segments, and whether any attention is computed for their queries. */
export function gridsOf(
  mask: GalleryMask,
  size: number,
): readonly {
  readonly grid: Grid;
  readonly computed: boolean;
  readonly from: readonly [number, number];
}[] {
  const { graph } = modelOf(specOf(mask, 1, 4));
  const [attention] = drawnAttentions(graph);
  const words =
    mask.rows.kind === "cross"
      ? `Query=${mask.rows.queries},Key=${mask.rows.keys}`
      : mask.rows.segments.map(([name, rows]) => `Of_${name}=${rows}`).join(",");
  const read = readLengths(graph, words);
  if (read.kind === "mistake" || attention === undefined)
    throw new Error(`${mask.name}: ${read.kind === "mistake" ? read.message : "no attention"}`);
  const known = new Map(mask.data.map(({ name, values }) => [name, Float64Array.from(values)]));
  const picture = maskPicture(graph, attention.op, attention.args, read.lengths, size, known);
  return picture.cells.map(({ grid, rows, query, key }) => ({
    grid,
    computed: rows === "attend",
    from: [picture.queries[query]?.start ?? 0, picture.keys[key]?.start ?? 0],
  }));
}

function countGrid(grid: Grid): Omit<TileWork, "all" | "pairs"> {
  const { mask, facts, queries, keys, tile } = grid;
  const test = tileTest(mask, facts);
  const work = { rounds: 0, visited: 0, needed: 0, visiblePairs: 0 };
  for (let row = 0; row < queries.count; row += tile.queries) {
    const rows: Stretch = [row, Math.min(queries.count, row + tile.queries)];
    const ranges = rangesOf(grid, rows, [0, keys.count]);
    const loops = keyLoops(mask, ranges, numbers, facts, undefined, tile.keys);
    let done = 0;
    for (const { low, high } of loops.flatMap((loop) => runsIn(loop, tile.keys))) {
      const first = Math.max(done, Math.floor(rowAt(keys, low) / tile.keys) * tile.keys);
      const end = rowAt(keys, high + 1);
      for (let key = first; key < end; key += tile.keys) {
        work.rounds++;
        const columns: Stretch = [key, Math.min(keys.count, key + tile.keys)];
        if (classOf(test, rangesOf(grid, rows, columns)) !== "never") work.visited++;
        done = key + tile.keys;
      }
    }
    for (let key = 0; key < keys.count; key += tile.keys) {
      const seen = visibleIn(grid, rows, [key, Math.min(keys.count, key + tile.keys)]);
      work.visiblePairs += seen;
      if (seen > 0) work.needed++;
    }
  }
  return work;
}

/** The intervals of key positions that a loop walks, as a kernel goes from run to run. */
function runsIn({ low, high, runs }: KeyLoop<number>, keys: number): readonly Extent<number>[] {
  if (runs === undefined || runs.length + keys > runs.period) return [{ low, high }];
  const { period, first, length } = runs;
  const phase = numbers.remainder(low - first, period);
  const start = low - phase + (phase < length ? 0 : period);
  const count = Math.max(0, Math.floor((high - start) / period) + 1);
  return Array.from({ length: count }, (_, run) => ({
    low: Math.max(low, start + run * period),
    high: Math.min(high, start + run * period + length - 1),
  }));
}

/** The first row and the one after the last. */
type Stretch = readonly [number, number];

function visibleIn(grid: Grid, rows: Stretch, columns: Stretch): number {
  let count = 0;
  for (let row = rows[0]; row < rows[1]; row++) {
    for (let key = columns[0]; key < columns[1]; key++) if (isVisible(grid, row, key)) count++;
  }
  return count;
}

/** The first row whose position is not below `position`, as a kernel searches for it. */
function rowAt({ positions, count }: SideRows, position: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((positions[middle] ?? 0) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rangesOf(grid: Grid, rows: Stretch, columns: Stretch): TileRanges<number> {
  const { queries, keys } = grid;
  const q = [queries, rows] as const;
  const k = [keys, columns] as const;
  return {
    q: extentOf(queries.positions, rows),
    k: extentOf(keys.positions, columns),
    data: (index, side) => {
      const [of, stretch] = side === "k" ? k : q;
      const values = of.data.get(index);
      return values === undefined ? {} : extentOf(values, stretch);
    },
  };
}

function extentOf(values: ArrayLike<number>, [first, end]: Stretch): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let row = first; row < end; row++) {
    const value = values[row] ?? 0;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high };
}
