/** One task of an attention on a CPU: its rows, arrays and key tiles; see `attend-cpu.ts`. */

import type { Walk, WalkedTile } from "./attend-walk.ts";
import * as build from "../build.ts";
import { roundUp } from "../counts.ts";
import type { Expr, Statement } from "../kernel.ts";
import { declare, loop } from "../statements.ts";
import { queryRanges } from "./attend-class.ts";
import { type Attention, packedRows, rowsOfTask } from "./attend-rows.ts";
import { asConstant } from "../../op/dimension.ts";
import { fill, inBlocks, keep, type TileValue } from "./attend-tiles.ts";
import type { Schedule } from "./schedule.ts";

/** One task in the making. */
export interface Task extends Walk {
  /** Rows of a register tile. */
  readonly outputRows: number;
  /** Where neighbouring rows lie side by side. */
  readonly lanes: Lanes | undefined;
  readonly array: Arrays;
}

interface Lanes {
  /** The rows that the arrays hold, and those that are classified, and have scores, at a time. */
  readonly rows: number;
  readonly blockRows: number;
  /** The keys of a tile; its values, for the result `output` only. */
  readonly keys: string;
  readonly values: string | undefined;
}

/** Per row: query, scores of a tile (of a block's rows only, where rows lie side by side), output, running maximum and sum, the last factor. */
interface Arrays {
  readonly query: string;
  readonly score: string;
  /** For the result `output` only. */
  readonly output: string | undefined;
  readonly maximum: string;
  readonly sum: string;
  readonly decay: string;
}

/** Rows of the register tiles of a task of `step` rows. */
export function registerRows({ rows }: Attention, { singleQuery }: Schedule, step: number): number {
  if (singleQuery) return step < 4 ? Math.min(step, 2) : 4;
  return (asConstant(rows) ?? step) <= 4 ? 4 : 8;
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
  const outputRows = registerRows(attention, schedule, step);
  const padded = roundUp(step, outputRows);
  // Register tiles that reach past a task's rows reach past the last row, too.
  const rows = packedRows(attention, set, padded === step ? step : Number.POSITIVE_INFINITY);
  const blockRows = roundUp(Math.min(step, rowsOfTask(schedule, attention.pack)), outputRows);
  const hasOutput = op.result === "output";
  return {
    ...{ attention, rows, first, count, keys, outputRows },
    lanes: singleQuery
      ? undefined
      : {
          rows: padded,
          blockRows,
          keys: context.array("keys", keys * depth),
          values: hasOutput ? context.array("values", keys * width) : undefined,
        },
    queries: queryRanges(attention, rows, first, count),
    array: {
      query: context.array("query", padded * depth),
      score: context.array("score", blockRows * keys),
      output: hasOutput ? context.array("output", padded * width) : undefined,
      maximum: context.array("maximum", padded),
      sum: context.array("sum", padded),
      decay: context.array("decay", padded),
    },
  };
}

/** Keys of a register tile. */
export const keyTile = 4;

/** The keys of a tile that are there, rounded up to whole register tiles. */
export function keysThere(
  { attention, keys }: Task,
  { inRange, existing }: WalkedTile,
): { readonly statements: readonly Statement[]; readonly keys: Expr } {
  if (inRange === undefined) return { statements: [], keys: build.int(keys) };
  const name = attention.context.fresh("keys_there");
  const filled = build.add(existing, keyTile - 1);
  const rounded = build.subtract(filled, build.remainder(filled, keyTile));
  return { statements: [declare(name, rounded)], keys: build.variable(name) };
}

/** Where element `column` of row `row` lies in an array of rows of `width`. */
export function arrayIndex({ lanes }: Task, width: number, row: Expr, column: Expr): Expr {
  if (lanes === undefined) return build.add(build.multiply(row, width), column);
  return build.add(build.multiply(column, lanes.rows), row);
}

/** Rows of a task, from a multiple of `outputRows` on. */
export interface Rows {
  readonly from: Expr;
  readonly to: Expr;
}

/** A loop over the task's rows, or some of them, rounded up to whole register tiles. */
export function overRows(
  { attention, count, outputRows }: Task,
  step: number,
  body: (row: Expr) => readonly Statement[],
  { from, to }: Rows = { from: build.int(0), to: count },
): Statement {
  const row = attention.context.fresh("row");
  const filled = build.add(to, outputRows - 1);
  const end = build.subtract(filled, build.remainder(filled, outputRows));
  return loop(row, from, end, body(build.variable(row)), step);
}

/** Stores `value` of each column in row `row` of an array. */
export function copyRow(
  task: Task,
  width: number,
  array: string,
  row: Expr,
  value: (column: Expr) => Expr,
): readonly Statement[] {
  const { context } = task.attention;
  return inBlocks(context, width, [16, 4], (start, size) => {
    const out: Statement[] = [];
    const copy = fill(context, "copy", 1, size, (_, c) => value(build.add(start, c)), out);
    const at: TileValue = (_, c) => arrayIndex(task, width, row, build.add(start, c));
    return [...out, keep(context, copy, array, at)];
  });
}
