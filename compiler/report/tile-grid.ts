/**
 * The tiles of one attention mask over given rows: which are skipped, which hold no hidden pair, and
 * which must be looked at. Large rectangles are classified before small ones, so that a long prompt
 * costs little more than the boundary of its mask.
 */

import type { Place } from "../op/evaluate-predicate.ts";
import {
  classOf,
  evaluatePredicate,
  type Facts,
  type RowFacts,
  type TileClass,
  tileTest,
  type TileRanges,
  type TileTest,
} from "../mask/index.ts";
import type { Predicate, Side, Term } from "../op/predicate.ts";

/** What the mask knows of the rows of one side: by row. */
export interface SideRows {
  readonly count: number;
  readonly positions: ArrayLike<number>;
  /** By index of the attention's data; what is missing is not known. */
  readonly data: ReadonlyMap<number, ArrayLike<number>>;
}

/** A table of a mask: its numbers, with the last axis innermost. */
export interface Table {
  readonly axes: readonly string[];
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** The rows of a mask, and how many of them a tile has. */
export interface Grid {
  readonly mask: Predicate;
  readonly facts: Facts;
  readonly queries: SideRows;
  readonly keys: SideRows;
  /** By index of the attention's data; what is missing is not known. */
  readonly tables?: ReadonlyMap<number, Table>;
  readonly tile: { readonly queries: number; readonly keys: number };
}

const noTables: ReadonlyMap<number, Table> = new Map();

/** Tiles `rows[0] … rows[1]` by `columns[0] … columns[1]`, the second ones not included. */
export interface TileBlock {
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
  readonly class: TileClass;
}

/** How many tiles and pairs of rows a mask hides. */
export interface TileCount {
  readonly tiles: number;
  readonly skipped: number;
  readonly whole: number;
  /** Pairs in tiles that are skipped, where a tile at the last query rows is as high as all others. */
  readonly skippedPairs: number;
}

/**
 * Visits blocks of equal tiles, which together are all tiles. A `maybe` block is one tile, or many that
 * only data which is not known could tell apart.
 */
export function visitTiles(grid: Grid, visit: (block: TileBlock) => void): void {
  const walk = new Walk(grid, visit);
  const [rows, columns] = tileCounts(grid);
  if (rows > 0 && columns > 0) walk.block([0, rows], [0, columns]);
}

/** Counts the tiles of `grid` by class. */
export function countTiles(grid: Grid): TileCount {
  const { tile, keys } = grid;
  const count = { tiles: 0, skipped: 0, whole: 0, skippedPairs: 0 };
  visitTiles(grid, ({ rows: [top, bottom], columns: [left, right], class: kind }) => {
    const tiles = (bottom - top) * (right - left);
    count.tiles += tiles;
    if (kind === "always") count.whole += tiles;
    if (kind !== "never") return;
    count.skipped += tiles;
    const held = Math.min(keys.count, right * tile.keys) - left * tile.keys;
    count.skippedPairs += (bottom - top) * tile.queries * held;
  });
  return count;
}

/** How many pairs of rows may see each other. */
export function countVisible(grid: Grid): number {
  const { tile, queries, keys } = grid;
  let visible = 0;
  const end = (index: number, size: number, count: number): number => Math.min(count, index * size);
  visitTiles(grid, ({ rows: [top, bottom], columns: [left, right], class: kind }) => {
    const q = [top * tile.queries, end(bottom, tile.queries, queries.count)] as const;
    const k = [left * tile.keys, end(right, tile.keys, keys.count)] as const;
    if (kind === "always") visible += (q[1] - q[0]) * (k[1] - k[0]);
    if (kind !== "maybe") return;
    for (let row = q[0]; row < q[1]; row++)
      for (let key = k[0]; key < k[1]; key++) if (isVisible(grid, row, key)) visible++;
  });
  return visible;
}

/** Whether query row `q` sees key row `k`. */
export function isVisible(grid: Grid, q: number, k: number): boolean {
  return evaluatePredicate(grid.mask, rowFacts(grid, q, k));
}

/** What is known of query row `q` and key row `k`. */
export function rowFacts(
  { facts, queries, keys, tables = noTables }: Omit<Grid, "mask" | "tile">,
  q: number,
  k: number,
): RowFacts {
  const at = (side: Side, of: (rows: SideRows, row: number) => number): number =>
    side === "k" ? of(keys, k) : of(queries, q);
  return {
    position: (side) => at(side, (rows, row) => rows.positions[row] ?? 0),
    data: (index, side) => at(side, ({ data }, row) => data.get(index)?.[row] ?? 0),
    lookup: (index, at) => readTable(tables, index, at),
    inSegment: (side, segment) =>
      (side === "q" ? facts.querySegment : facts.keySegment) === segment,
    given: () => true,
  };
}

/** A table at these places; undefined outside. */
function readTable(
  tables: ReadonlyMap<number, Table>,
  index: number,
  at: readonly Place[],
): number | undefined {
  const table = tables.get(index);
  if (table === undefined) return undefined;
  const places = table.axes.map((axis) => at.find(([each]) => each === axis)?.[1] ?? 0);
  if (places.some((place, i) => place < 0 || place >= (table.shape[i] ?? 0))) return undefined;
  return table.values[places.reduce((sum, place, i) => sum * (table.shape[i] ?? 0) + place, 0)];
}

/** Tiles along the query rows, and along the keys. */
export function tileCounts({ queries, keys, tile }: Grid): readonly [number, number] {
  return [Math.ceil(queries.count / tile.queries), Math.ceil(keys.count / tile.keys)];
}

class Walk {
  readonly #grid: Grid;
  readonly #test: TileTest;
  /** The mask where all data that is not known lets pairs be seen, and where it hides them. */
  readonly #bounds: readonly [TileTest, TileTest] | undefined;
  readonly #visit: (block: TileBlock) => void;

  constructor(grid: Grid, visit: (block: TileBlock) => void) {
    this.#grid = grid;
    this.#test = tileTest(grid.mask, grid.facts);
    this.#bounds = asksUnknown(grid, grid.mask)
      ? [
          tileTest(boundOf(grid, grid.mask, true), grid.facts),
          tileTest(boundOf(grid, grid.mask, false), grid.facts),
        ]
      : undefined;
    this.#visit = visit;
  }

  block(rows: readonly [number, number], columns: readonly [number, number]): void {
    const ranges = this.#ranges(rows, columns);
    const kind = classOf(this.#test, ranges);
    const [height, width] = [rows[1] - rows[0], columns[1] - columns[0]];
    if (kind !== "maybe" || (height === 1 && width === 1) || this.#isOpen(ranges)) {
      this.#visit({ rows, columns, class: kind });
    } else if (height >= width) {
      const middle = rows[0] + Math.ceil(height / 2);
      this.block([rows[0], middle], columns);
      this.block([middle, rows[1]], columns);
    } else {
      const middle = columns[0] + Math.ceil(width / 2);
      this.block(rows, [columns[0], middle]);
      this.block(rows, [middle, columns[1]]);
    }
  }

  /** Whether nothing but data that is not known decides about the pairs of a block. */
  #isOpen(ranges: TileRanges<number>): boolean {
    if (this.#bounds === undefined) return false;
    const [most, least] = this.#bounds;
    return classOf(most, ranges) === "always" && classOf(least, ranges) === "never";
  }

  #ranges(rows: readonly [number, number], columns: readonly [number, number]): TileRanges<number> {
    const { queries, keys, tile } = this.#grid;
    const of = (
      side: SideRows,
      [first, end]: readonly [number, number],
      size: number,
    ): readonly [number, number] => [first * size, Math.min(side.count, end * size)];
    const q = of(queries, rows, tile.queries);
    const k = of(keys, columns, tile.keys);
    return {
      q: rangeOf(queries.positions, q),
      k: rangeOf(keys.positions, k),
      data: (index, side) => {
        const values = (side === "k" ? keys : queries).data.get(index);
        return values === undefined ? {} : rangeOf(values, side === "k" ? k : q);
      },
      table: (index, at) => {
        const { tables = noTables } = this.#grid;
        if (!tables.has(index)) return undefined;
        return (
          readTable(
            tables,
            index,
            at.map((each): Place => [each.axis, each.at]),
          ) ?? 0
        );
      },
    };
  }
}

/** Whether a part of the mask asks for data that is not known. */
function asksUnknown({ queries, keys, tables = noTables }: Grid, mask: Predicate): boolean {
  const inTerm = (term: Term): boolean => {
    switch (term.kind) {
      case "data":
        return !(term.side === "k" ? keys : queries).data.has(term.index);
      case "binary":
        return inTerm(term.left) || inTerm(term.right);
      case "absolute":
        return inTerm(term.operand);
      case "table":
        return !tables.has(term.index) || term.at.some((each) => inTerm(each.at));
      default:
        return false;
    }
  };
  const visit = (part: Predicate): boolean => {
    switch (part.kind) {
      case "not":
        return visit(part.operand);
      case "and":
      case "or":
        return part.operands.some(visit);
      case "compare":
        return inTerm(part.left) || inTerm(part.right);
      default:
        return false;
    }
  };
  return visit(mask);
}

/** The mask with each comparison of data that is not known as it shows most, or least. */
function boundOf(grid: Grid, mask: Predicate, most: boolean): Predicate {
  switch (mask.kind) {
    case "not":
      return { kind: "not", operand: boundOf(grid, mask.operand, !most) };
    case "and":
    case "or":
      return { ...mask, operands: mask.operands.map((each) => boundOf(grid, each, most)) };
    default:
      return asksUnknown(grid, mask) ? { kind: "constant", value: most } : mask;
  }
}

function rangeOf(
  values: ArrayLike<number>,
  [first, end]: readonly [number, number],
): { readonly low: number; readonly high: number } {
  let [low, high] = [Infinity, -Infinity];
  for (let row = first; row < end; row++) {
    const value = values[row] ?? 0;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { low, high };
}
