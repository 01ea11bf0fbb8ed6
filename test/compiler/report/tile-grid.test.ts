/** Tiles that are counted in large blocks are those that are found one by one. */

import { expect, test } from "vitest";
import { classOf, tileTest } from "../../../compiler/mask/index.ts";
import { evaluatePredicate } from "../../../compiler/op/evaluate-predicate.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import {
  countTiles,
  countVisible,
  type Grid,
  type SideRows,
  visitTiles,
} from "../../../compiler/report/tile-grid.ts";
import { seeded } from "../../support/random.ts";
import { both, imageBothWays, masks, sliding } from "../../support/toy-mllm.ts";

const position = (side: "q" | "k") => ({ kind: "position", side }) as const;
const number = (value: number) => ({ kind: "number", value }) as const;

/** `(q - k) % 3 == 0`. */
const dilated: Predicate = {
  kind: "compare",
  comparison: "==",
  left: {
    kind: "binary",
    operator: "%",
    left: { kind: "binary", operator: "-", left: position("q"), right: position("k") },
    right: number(3),
  },
  right: number(0),
};
/** `document[q] == document[k]`. */
const documents: Predicate = {
  kind: "compare",
  comparison: "==",
  left: { kind: "data", index: 0, side: "q" },
  right: { kind: "data", index: 0, side: "k" },
};

const samples: Readonly<Record<string, Predicate>> = {
  causal: masks.causal,
  window: sliding(5),
  itself: masks.itself,
  everything: masks.everything,
  dilated: both(masks.causal, dilated),
  documents: both(masks.causal, documents),
  imageBothWays,
};

function rows(count: number, start: number, random: () => number): SideRows {
  const document = Array.from({ length: count }, () => Math.floor(random() * 3)).sort();
  return {
    count,
    positions: Array.from({ length: count }, (_, row) => start + row),
    data: new Map([[0, document]]),
  };
}

function randomGrid(mask: Predicate, seed: number): Grid {
  const random = seeded(seed);
  const upTo = (most: number): number => Math.floor(random() * (most + 1));
  return {
    mask,
    facts: { shared: true, querySegment: "text", keySegment: "text" },
    queries: rows(upTo(40), upTo(10), random),
    keys: rows(upTo(40), upTo(10), random),
    tile: { queries: 1 + upTo(7), keys: 1 + upTo(7) },
  };
}

/** The classes of all tiles, and the visible pairs, one by one. */
function oneByOne({ mask, facts, queries, keys, tile }: Grid) {
  const found = { tiles: 0, skipped: 0, whole: 0, skippedPairs: 0, visible: 0 };
  const range = (values: readonly number[]) => ({
    low: Math.min(...values),
    high: Math.max(...values),
  });
  const slice = (values: ArrayLike<number> | undefined, from: number, size: number): number[] =>
    Array.from(values ?? []).slice(from, from + size);
  const prepared = tileTest(mask, facts);
  for (let q = 0; q < queries.count; q += tile.queries)
    for (let k = 0; k < keys.count; k += tile.keys) {
      const kind = classOf(prepared, {
        q: range(slice(queries.positions, q, tile.queries)),
        k: range(slice(keys.positions, k, tile.keys)),
        data: (index, side) =>
          side === "k"
            ? range(slice(keys.data.get(index), k, tile.keys))
            : range(slice(queries.data.get(index), q, tile.queries)),
      });
      found.tiles++;
      if (kind === "always") found.whole++;
      if (kind !== "never") continue;
      found.skipped++;
      found.skippedPairs += tile.queries * Math.min(tile.keys, keys.count - k);
    }
  for (let q = 0; q < queries.count; q++)
    for (let k = 0; k < keys.count; k++) {
      const of = (side: "q" | "k" | "none") => (side === "k" ? keys : queries);
      const row = (side: "q" | "k" | "none"): number => (side === "k" ? k : q);
      const seen = evaluatePredicate(mask, {
        position: (side) => of(side).positions[row(side)] ?? Number.NaN,
        data: (index, side) => of(side).data.get(index)?.[row(side)] ?? Number.NaN,
        lookup: () => Number.NaN,
        inSegment: (_, segment) => segment === "text",
        given: () => true,
      });
      if (seen) found.visible++;
    }
  return found;
}

test.each(Object.keys(samples))("%s", (name) => {
  const mask = samples[name];
  if (mask === undefined) throw new Error(name);
  for (let seed = 0; seed < 60; seed++) {
    const grid = randomGrid(mask, seed);
    const counted = { ...countTiles(grid), visible: countVisible(grid) };
    expect(counted, `seed ${seed}`).toEqual(oneByOne(grid));
  }
});

test("a long prompt costs little more than the boundary of its mask", () => {
  const count = 96_000;
  const all: SideRows = {
    count,
    positions: Array.from({ length: count }, (_, i) => i),
    data: new Map(),
  };
  const grid: Grid = {
    mask: masks.causal,
    facts: { shared: true },
    queries: all,
    keys: all,
    tile: { queries: 64, keys: 64 },
  };
  const tiles = count / 64;
  expect(countTiles(grid)).toMatchObject({ tiles: tiles ** 2, skipped: (tiles * (tiles - 1)) / 2 });
});

test("where only unknown data decides, tiles are not told apart one by one", () => {
  const count = 4096;
  const side = {
    count,
    positions: Array.from({ length: count }, (_, row) => row),
    data: new Map(),
  };
  const facts = { shared: true };
  const grid: Grid = {
    mask: both(masks.causal, documents),
    facts,
    queries: side,
    keys: side,
    tile: { queries: 1, keys: 1 },
  };
  let blocks = 0;
  let never = 0;
  visitTiles(grid, ({ rows: [top, bottom], columns: [left, right], class: kind }) => {
    blocks++;
    if (kind === "never") never += (bottom - top) * (right - left);
  });
  expect(never).toBe((count * (count - 1)) / 2);
  // Those on the diagonal and the rectangles beside it, not the 16 million tiles.
  expect(blocks).toBeLessThan(8 * count);
});
