/** One task of an attention on a CPU: its rows, arrays and key tiles; see `attend-cpu.ts`. */

import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop } from "../statements.ts";
import { queryRanges, type RowRanges } from "./attend-class.ts";
import { isVisible, keyPlace, type PairPlace, partAt } from "./attend-pair.ts";
import { type Attention, type PackedRows, packedRows } from "./attend-rows.ts";
import { fill, inBlocks, isMultiple, keep } from "./attend-tiles.ts";
import type { Context, Coordinates } from "./context.ts";
import type { Schedule } from "./schedule.ts";

/** One task in the making. */
export interface Task {
  readonly attention: Attention;
  readonly rows: PackedRows;
  /** The first packed row, and how many there are. */
  readonly first: Expr;
  readonly count: Expr;
  /** Keys of a tile. */
  readonly keys: number;
  /** Rows of a register tile with keys, and with values: a multiple. */
  readonly scoreRows: number;
  readonly outputRows: number;
  readonly queries: RowRanges;
  readonly array: Arrays;
}

/** Per row: query, scores of a tile, output, running maximum and sum, the last factor. */
interface Arrays {
  readonly query: string;
  readonly score: string;
  /** For the result `output` only. */
  readonly output: string | undefined;
  readonly maximum: string;
  readonly sum: string;
  readonly decay: string;
  /** The tile's keys and values, whose copies pay for several rows only. */
  readonly key: string | undefined;
  readonly value: string | undefined;
}

/** The task of `set` that takes the `count` rows from `first` on, at most `step`. */
export function taskOf(
  attention: Attention,
  schedule: Schedule,
  set: Expr,
  step: number,
  first: Expr,
  count: Expr,
): Task {
  const { context, op, depth, width } = attention;
  const { keys, singleQuery } = schedule;
  const rows = packedRows(attention, set, step);
  const outputRows = step === 1 ? 1 : step === 2 ? 2 : 4;
  const padded = Math.ceil(step / outputRows) * outputRows;
  const hasOutput = op.result === "output";
  return {
    ...{ attention, rows, first, count, keys, outputRows },
    scoreRows: Math.min(outputRows, 2),
    queries: queryRanges(attention, rows, first, count),
    array: {
      query: context.array("query", padded * depth),
      score: context.array("score", padded * keys),
      output: hasOutput ? context.array("output", padded * width) : undefined,
      maximum: context.array("maximum", padded),
      sum: context.array("sum", padded),
      decay: context.array("decay", padded),
      key: singleQuery ? undefined : context.array("key_tile", keys * depth),
      value: singleQuery || !hasOutput ? undefined : context.array("value_tile", keys * width),
    },
  };
}

/** A loop over the task's rows, rounded up to whole register tiles. */
export function overRows(
  { attention, count, outputRows }: Task,
  step: number,
  body: (row: Expr) => readonly Statement[],
): Statement {
  const row = attention.context.fresh("row");
  const filled = build.add(count, outputRows - 1);
  const end = build.subtract(filled, build.remainder(filled, outputRows));
  return loop(row, 0, end, body(build.variable(row)), step);
}

/** Stores `value` of each column in row `row` of an array. */
export function copyRow(
  context: Context,
  width: number,
  array: string,
  row: Expr,
  value: (column: Expr) => Expr,
): readonly Statement[] {
  return inBlocks(context, width, [16, 4], (start, size) => {
    const out: Statement[] = [];
    const copy = fill(context, "copy", 1, size, (_, c) => value(build.add(start, c)), out);
    const at = build.add(build.multiply(row, width), start);
    return [...out, keep(context, copy, array, (_, c) => build.add(at, c))];
  });
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

/** The tile of a part whose first key row is `start`. */
export function keyTileOf(
  task: Pick<Task, "attention" | "rows" | "first" | "keys">,
  part: number,
  start: Expr,
): KeyTile {
  const { attention, rows, first, keys } = task;
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
