/**
 * A mask over the rows of one prompt as a picture's data: for each pair of segments its tiles by class,
 * and how much of it nobody computes.
 */

import { dataNames, inputOf } from "../graph/data-names.ts";
import { axisAt, type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { type Facts, type RowVerdict, simplify } from "../mask/index.ts";
import { rowsOf } from "../op/axis.ts";
import { evaluateDimension } from "../op/dimension.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import type { Predicate, Side } from "../op/predicate.ts";
import { dataUses, replaceData, tableUses } from "../op/replace-data.ts";
import { type DataName, showPredicate } from "../op/show-predicate.ts";
import { AttendCells, type SegmentRows } from "../phase/attend-cells.ts";
import { growthOf } from "../phase/growth.ts";
import type { Lengths } from "./lengths.ts";
import { keyLoop } from "./key-loops.ts";
import { type MaskRow, maskRows } from "./mask-tables.ts";
import { RowNumbers } from "./row-numbers.ts";
import { countTiles, countVisible, type Grid, type SideRows, type Table } from "./tile-grid.ts";

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
  /** The mask as written, with single numbers in place of data that is one. */
  readonly written: Predicate;
  /** The keys that a loop visits for a tile of queries at positions `first` to `last`, in words. */
  readonly loop: string;
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
  /** What the rows of each query segment see, in words. */
  readonly rows: readonly MaskRow[];
  readonly dataName: DataName;
  readonly pairs: Share;
  readonly tiles: Share;
}

/** Token data that is known, by input. */
export type KnownData = ReadonlyMap<string, Float64Array>;

/**
 * The picture of an attention of `graph`, a model as written, in tiles of `tile` by `tile` rows. All
 * of its data must be known, see `unknownData`.
 */
export function maskPicture(
  graph: Graph,
  written: AttendOp,
  args: readonly ValueId[],
  lengths: Lengths,
  tile: number,
  known: KnownData = new Map(),
  names: readonly string[] = [],
): MaskPicture {
  const rows = new RowNumbers(graph, lengths.values, growthOf(graph).symbols, known);
  const roles = attendArguments(written, args);
  const dataName = dataNames(graph, written, args, names);
  const op = withNumbers(written, roles.data, (id) => ofOne(graph, rows, id));
  const queries = new AttendCells(graph).of(op);
  const sides = new Sides(graph, rows, lengths);
  const cells = queries.flatMap((each, query) =>
    each.cells.map((cell, key): PictureCell => {
      const part = roles.parts[cell.keys.part];
      const facts: Facts = { ...cell.facts, queryGiven: true, keyGiven: true };
      // All rows of a prompt were given.
      const mask = simplify(cell.mask, facts);
      const grid: Grid = {
        mask,
        facts,
        queries: sides.rows(each.rows, roles.queryPosition, roles.data),
        keys: sides.rows(cell.keys, part?.position, part?.data ?? new Map()),
        tables: tablesOf(graph, rows, op, roles.data),
        tile: { queries: tile, keys: tile },
      };
      const whole = op.parts[cell.keys.part]?.mask ?? mask;
      const loop = keyLoop(mask, facts, dataName, tile);
      return { query, key, grid, written: whole, loop, rows: each.verdict.kind };
    }),
  );
  const masks = [...new Set(op.parts.map((part) => showPredicate(part.mask, dataName)))];
  return {
    mask: masks.join("; "),
    title: lengths.title,
    queries: queries.map((each) => sides.band(each.rows)),
    keys: (queries[0]?.cells ?? []).map((cell) => sides.band(cell.keys)),
    cells,
    rows: maskRows(graph, queries, dataName),
    dataName,
    ...shares(cells),
  };
}

/**
 * The inputs whose values the mask of an attention needs and that are neither known nor follow from
 * lengths; those that differ by head or batch, too, since a picture is of one.
 */
export function unknownData(
  graph: Graph,
  op: AttendOp,
  args: readonly ValueId[],
  lengths: Lengths,
  known: KnownData,
): readonly string[] {
  const rows = new RowNumbers(graph, lengths.values, growthOf(graph).symbols, known);
  const { data, parts } = attendArguments(op, args);
  const uses = op.parts.flatMap(({ mask }, index) =>
    dataUses(mask).map(([use, side]) => ({
      side,
      id: (side === "k" ? parts[index]?.data : data)?.get(use),
    })),
  );
  const tables = [...new Set(op.parts.flatMap(({ mask }) => tableUses(mask)))].flatMap((index) => {
    const id = data.get(index);
    return id === undefined || rows.of(id) !== undefined ? [] : [id];
  });
  const unknown = uses.flatMap(({ side, id }) => {
    const values = id === undefined ? undefined : ofOne(graph, rows, id);
    const right = values !== undefined && (side !== "none" || values.length === 1);
    return id === undefined || right ? [] : [id];
  });
  return [...new Set([...unknown, ...tables].map((id) => inputOf(graph, id) ?? `value ${id}`))];
}

/** What `--data` may say of an input for these lengths: zeros and ones, as many as it has. */
export function dataExample(graph: Graph, name: string, lengths: Lengths): string {
  const rows = new RowNumbers(graph, lengths.values, growthOf(graph).symbols);
  const axes = graph.inputs.find((each) => each.name === name)?.type.axes ?? [];
  const count = axes.reduce((product, axis) => product * rows.extent(axis), 1);
  const zeros = Math.floor(count / 2);
  return `--data ${name}=${zeros > 0 ? `0x${zeros},` : ""}1x${count - zeros}`;
}

/** The tables of an attention's masks that are known. */
export function tablesOf(
  graph: Graph,
  rows: RowNumbers,
  op: AttendOp,
  data: ReadonlyMap<number, ValueId>,
): ReadonlyMap<number, Table> {
  const indices = new Set(op.parts.flatMap(({ mask }) => tableUses(mask)));
  return new Map(
    [...indices].flatMap((index): [number, Table][] => {
      const id = data.get(index);
      const found = id === undefined ? undefined : rows.of(id);
      if (id === undefined || found === undefined) return [];
      const { axes } = nodeAt(graph, id).type;
      return [[index, { axes, shape: axes.map((axis) => rows.extent(axis)), values: found.data }]];
    }),
  );
}

/** `op` with a number in place of data that belongs to no row and is a single number. */
function withNumbers(
  op: AttendOp,
  data: ReadonlyMap<number, ValueId>,
  numbersOf: (id: ValueId) => Float64Array | undefined,
): AttendOp {
  const numberOf = (index: number, side: Side): number | undefined => {
    const id = data.get(index);
    const values = id === undefined || side !== "none" ? undefined : numbersOf(id);
    return values?.length === 1 ? values[0] : undefined;
  };
  const parts = op.parts.map((part) => ({ ...part, mask: replaceData(part.mask, numberOf) }));
  return { ...op, parts };
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
      segment: segment ?? rowsOf(axisAt(this.#graph, axis), this.#graph.axes).label,
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
      ofOne(this.#graph, this.#numbers, id)?.subarray(start, start + rows);
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

/** The numbers of a value with one axis, others of size 1 aside; undefined if they are not known. */
function ofOne(graph: Graph, rows: RowNumbers, id: ValueId): Float64Array | undefined {
  const { axes } = nodeAt(graph, id).type;
  const long = axes.filter((axis) => rows.extent(axis) !== 1);
  return long.length <= 1 ? rows.of(id)?.data : undefined;
}
