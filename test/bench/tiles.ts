/** The tiles that kernels compute for each mask of the gallery, against those that they must. */

import { admits, type Bench, type BenchOptions, type BenchResult, say, table } from "./bench.ts";
import { tileWork } from "./attention-tiles.ts";
import { galleryOf } from "./gallery.ts";

export const bench: Bench = {
  what: "tiles of 16 × 16 that kernels compute, for each gallery mask at 4096 × 4096",
  run,
};

const rows = 4096;
const tile = 16;
/** Beyond this share, tiles that need not be computed are a fault. */
const mostExtra = 1.02;

async function run(options: BenchOptions): Promise<BenchResult> {
  const lines: (string | number)[][] = [];
  const wrong: string[] = [];
  for (const mask of galleryOf(rows)) {
    if (!admits(options, mask.name)) continue;
    say(`${mask.name} …`);
    const { all, needed, visited, rounds, visiblePairs, pairs } = tileWork(mask, tile);
    const ratio = needed === 0 ? 1 : visited / needed;
    lines.push([
      mask.name,
      `${((100 * visiblePairs) / pairs).toFixed(1)} %`,
      all,
      needed,
      visited,
      ratio.toFixed(4),
      rounds,
      (rounds / Math.max(1, needed)).toFixed(2),
    ]);
    if (ratio > mostExtra || visited < needed) wrong.push(`${mask.name}: ${visited} of ${needed}`);
  }
  const columns = [
    "mask",
    "pairs computed",
    "tiles",
    "hold a visible pair",
    "computed",
    "ratio",
    "loop rounds",
    "rounds / needed",
  ];
  const note =
    "Rows that are their own value are not computed. A round that meets a tile of class `never` skips it after a few comparisons of integers.";
  return { text: `${table(columns, lines)}\n\n${note}`, wrong };
}
