/**
 * A mask over the rows of one prompt as a picture's data: for each pair of segments its tiles by class,
 * and how much of it nobody computes.
 */

import type { Graph, ValueId } from "../graph/graph.ts";
import { type Facts, type RowVerdict, simplify } from "../mask/index.ts";
import { evaluateDimension } from "../op/dimension.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import { showPredicate } from "../op/show-predicate.ts";
import { AttendCells, type SegmentRows } from "../phase/attend-cells.ts";
import { growthOf } from "../phase/growth.ts";
import type { Lengths } from "./lengths.ts";
import { showVerdict } from "./mask-tables.ts";
import { along } from "./skipped-tiles.ts";
import { RowNumbers } from "./row-numbers.ts";
import { countTiles, countVisible, type Grid, type SideRows } from "./tile-grid.ts";

/** Rows of one segment, as queries or as keys. */
export interface Band {
  readonly segment: string;
  /** The first row in storage order. */
  readonly start: number;
  readonly rows: number;
}

/** One pair of segments. */
export interface PictureCell {
  /** Indices into the bands. */
  readonly query: number;
  readonly key: number;
  readonly grid: Grid;
  /** What a row sees here, in words. */
  readonly words: string;
  /** What the attention of the query rows is: nothing is computed unless it is `attend`. */
  readonly rows: RowVerdict["kind"];
}

/** How much of something is computed. */
export interface Share {
  readonly computed: number;
  readonly all: number;
}

/** A mask over given rows. */
export interface MaskPicture {
  readonly mask: string;
  readonly title: string;
  readonly queries: readonly Band[];
  readonly keys: readonly Band[];
  readonly cells: readonly PictureCell[];
  readonly pairs: Share;
  readonly tiles: Share;
}

/** The picture of an attention of `graph`, a model as written, in tiles of `tile` by `tile` rows. */
export function maskPicture(
  graph: Graph,
  op: AttendOp,
  args: readonly ValueId[],
  lengths: Lengths,
  tile: number,
): MaskPicture {
  const rows = new RowNumbers(graph, lengths.values, growthOf(graph).symbols);
  const queries = new AttendCells(graph).of(op);
  const roles = attendArguments(op, args);
  const sides = new Sides(graph, rows, lengths);
  const cells = queries.flatMap((each, query) =>
    each.cells.map((cell, key): PictureCell => {
      const part = roles.parts[cell.keys.part];
      const facts: Facts = { ...cell.facts, queryGiven: true, keyGiven: true };
      const grid: Grid = {
        // All rows of a prompt were given.
        mask: simplify(cell.mask, facts),
        facts,
        queries: sides.rows(each.rows, roles.queryPosition, roles.data),
        keys: sides.rows(cell.keys, part?.position, part?.data ?? new Map()),
        tile: { queries: tile, keys: tile },
      };
      const { kind } = cell.verdict;
      const words = kind === "general" ? showPredicate(cell.mask) : showVerdict(cell.verdict);
      return { query, key, grid, words, rows: each.verdict.kind };
    }),
  );
  const masks = [...new Set(op.parts.map((part) => showPredicate(part.mask)))];
  return {
    mask: masks.join("; "),
    title: lengths.title,
    queries: queries.map((each) => sides.band(each.rows)),
    keys: (queries[0]?.cells ?? []).map((cell) => sides.band(cell.keys)),
    cells,
    ...shares(cells),
  };
}

/** What is computed of all cells: tiles that are not skipped, pairs that may be seen. */
function shares(cells: readonly PictureCell[]): Pick<MaskPicture, "pairs" | "tiles"> {
  let [pairs, visible, tiles, visited] = [0, 0, 0, 0];
  for (const { grid, rows } of cells) {
    const count = countTiles(grid);
    pairs += grid.queries.count * grid.keys.count;
    tiles += count.tiles;
    if (rows !== "attend") continue;
    visible += countVisible(grid);
    visited += count.tiles - count.skipped;
  }
  return { pairs: { computed: visible, all: pairs }, tiles: { computed: visited, all: tiles } };
}

/** The rows of segments, with what is known of them. */
class Sides {
  readonly #graph: Graph;
  readonly #numbers: RowNumbers;
  readonly #lengths: Lengths;

  constructor(graph: Graph, numbers: RowNumbers, lengths: Lengths) {
    this.#graph = graph;
    this.#numbers = numbers;
    this.#lengths = lengths;
  }

  band({ segment, axis, start, size }: SegmentRows): Band {
    const at = this.#lengths.values;
    return {
      segment: segment ?? this.#graph.axes.get(axis)?.label ?? axis,
      start: evaluateDimension(start, at),
      rows: evaluateDimension(size, at),
    };
  }

  rows(
    segment: SegmentRows,
    position: ValueId | undefined,
    data: ReadonlyMap<number, ValueId>,
  ): SideRows {
    const { start, rows } = this.band(segment);
    const of = (id: ValueId): Float64Array | undefined =>
      along(this.#graph, this.#numbers, id)?.subarray(start, start + rows);
    return {
      count: rows,
      positions: (position === undefined ? undefined : of(position)) ?? [],
      data: new Map(
        [...data].flatMap(([index, id]) => {
          const values = of(id);
          return values === undefined ? [] : [[index, values] as const];
        }),
      ),
    };
  }
}
