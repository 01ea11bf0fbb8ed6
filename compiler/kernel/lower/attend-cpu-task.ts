/** One task of an attention on a CPU: its rows, arrays and key tiles; see `attend-cpu.ts`. */

import type { Walk } from "./attend-walk.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop } from "../statements.ts";
import { queryRanges } from "./attend-class.ts";
import { type Attention, packedRows } from "./attend-rows.ts";
import { asConstant } from "../../op/dimension.ts";
import { fill, inBlocks, keep, type TileValue } from "./attend-tiles.ts";
import type { Schedule } from "./schedule.ts";

/** One task in the making. */
export interface Task extends Walk {
  /** Rows of a register tile. */
  readonly outputRows: number;
  /** The rows that the arrays hold, where neighbouring rows lie side by side. */
  readonly laneRows: number | undefined;
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
  const few = (asConstant(attention.rows) ?? step) <= 4;
  const laneRows = few ? 4 : 8;
  const headRows = step < 4 ? Math.min(step, 2) : 4;
  const outputRows = singleQuery ? headRows : laneRows;
  const padded = Math.ceil(step / outputRows) * outputRows;
  const hasOutput = op.result === "output";
  return {
    ...{ attention, rows, first, count, keys, outputRows },
    laneRows: singleQuery ? undefined : padded,
    queries: queryRanges(attention, rows, first, count),
    array: {
      query: context.array("query", padded * depth),
      score: context.array("score", padded * keys),
      output: hasOutput ? context.array("output", padded * width) : undefined,
      maximum: context.array("maximum", padded),
      sum: context.array("sum", padded),
      decay: context.array("decay", padded),
    },
  };
}

/** Where element `column` of row `row` lies in an array of rows of `width`. */
export function arrayIndex({ laneRows }: Task, width: number, row: Expr, column: Expr): Expr {
  if (laneRows === undefined) return build.add(build.multiply(row, width), column);
  return build.add(build.multiply(column, laneRows), row);
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
