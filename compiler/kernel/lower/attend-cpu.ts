/**
 * Attention on a CPU, with an online softmax (Milakov and Gimelshein 2018; Dao 2022, FlashAttention,
 * algorithm 1). A task takes some packed query rows of one set and walks the keys of every part in
 * tiles. Queries, the tile's scores and the output lie in arrays of the task, small enough for the first
 * cache; products go through register tiles: of several rows (`attend-cpu-lanes.ts`), or of the heads
 * of a single query that read the same keys (`attend-cpu-step.ts`).
 *
 * Logits of a softmax are powers of two; their factor is part of the queries where no score comes
 * between. A hidden pair's logit is far below what the running maximum starts from, so its weight is
 * 0 in every tile, and a row that sees no key ends with sum 0 and gives 0. Keys past the end are read
 * from the last one and hidden. Rows past the end repeat the last one and are not stored.
 */

import type { Region } from "../../fusion/region.ts";
import { asConstant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { declare, loop, storeArray } from "../statements.ts";
import { type Attention, attendWork, attentionOf, rowsOfTask } from "./attend-rows.ts";
import {
  depthColumn,
  inBlocks,
  isMultiple,
  logitFactor,
  resultOf,
  startOf,
  storeRows,
  valueColumn,
} from "./attend-tiles.ts";
import type { Context, Coordinates } from "./context.ts";
import { read } from "./read.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";
import { laneStep } from "./attend-cpu-lanes.ts";
import { readsQueryRows } from "./attend-class.ts";
import { softmaxStep } from "./attend-cpu-step.ts";
import {
  arrayIndex,
  copyRow,
  keyTile,
  overRows,
  registerRows,
  type Task,
  taskOf,
} from "./attend-cpu-task.ts";
import { walkPart } from "./attend-walk.ts";

/** The kernel of a region whose root is an `attend` that gives its output or its log-sum-exp. */
export function lowerAttendCpu(context: Context, region: Region, schedule: Schedule): Lowered {
  const attention = attentionOf(context, region, schedule.queries);
  const { op, rows } = attention;
  const step = taskRows(attention, schedule);
  const grain = { rows: registerRows(attention, schedule, step), keys: keyTile };
  const { name, comment, blocks, tasks, flops } = attendWork(attention, step, grain);
  return finish(context, schedule, name, comment, tasks, flops, (number) => {
    const tiles = context.size(blocks);
    const [first, count] = [context.fresh("first"), context.fresh("count")];
    const place = { first: build.variable(first), count: build.variable(count) };
    const set = build.quotient(number, tiles);
    const task = taskOf(attention, schedule, set, step, place.first, place.count);
    const left = build.subtract(context.size(rows), place.first);
    return [
      declare(first, build.multiply(build.remainder(number, tiles), step)),
      declare(count, isMultiple(rows, step) ? build.int(step) : build.minimum(left, step)),
      ...prepare(task),
      ...task.queries.statements,
      ...op.parts.flatMap((_, part) =>
        walkPart(task, part, (tile, unmasked) =>
          schedule.singleQuery ? softmaxStep(task, tile, unmasked) : laneStep(task, tile, unmasked),
        ),
      ),
      ...storeResult(task),
    ];
  });
}

/** Blocks of rows that share the packed keys of a tile, where there are so many. */
const mostBlocks = 4;

/**
 * The rows of a task: of several blocks if their queries and output stay in the second cache, and a
 * block is classified for each tile of keys without reading its rows.
 */
function taskRows(attention: Attention, schedule: Schedule): number {
  const { pack, depth, width, rows } = attention;
  const block = rowsOfTask(schedule, pack);
  if (schedule.singleQuery || readsQueryRows(attention)) return block;
  const bytes = 4 * block * (depth + width);
  const fitting = Math.floor(schedule.target.groupMemory / 4 / bytes);
  const there = Math.ceil((asConstant(rows) ?? Number.POSITIVE_INFINITY) / block);
  return block * Math.max(1, Math.min(mostBlocks, fitting, there));
}

/** Puts the queries into their array, and starts the running rows. */
function prepare(task: Task): readonly Statement[] {
  const { attention, rows, first, array } = task;
  const { context, args, depth, width } = attention;
  const factor = build.real(logitFactor(attention));
  const query = (row: Expr, column: Expr): Expr => {
    const at = new Map([...rows.place(build.add(first, row)), ...depthColumn(attention, column)]);
    return build.multiply(read(context, args.query, at), factor);
  };
  const { output } = array;
  return [
    overRows(task, 1, (row) => {
      const start = startOf(attention, rows.place(build.add(first, row)));
      return [
        ...copyRow(task, depth, array.query, row, (column) => query(row, column)),
        storeArray(array.maximum, row, start.maximum),
        storeArray(array.sum, row, start.sum),
        ...(output === undefined ? [] : copyRow(task, width, output, row, () => build.real(0))),
      ];
    }),
  ];
}

function storeResult(task: Task): readonly Statement[] {
  const { attention, array, rows, first, count } = task;
  const { context, width } = attention;
  const row = context.fresh("row");
  const r = build.variable(row);
  const place = (): Coordinates => rows.place(build.add(first, r));
  const total = build.loadArray(array.sum, r);
  const maximum = build.loadArray(array.maximum, r);
  const { output } = array;
  if (output === undefined) {
    const value = resultOf(attention, { maximum, total });
    return [
      loop(
        row,
        0,
        count,
        storeRows(
          attention,
          1,
          1,
          place,
          () => new Map(),
          () => value,
        ),
      ),
    ];
  }
  const body = inBlocks(context, width, [16, 4], (start, size) => {
    const column = (c: Expr): Coordinates => valueColumn(attention, build.add(start, c));
    const at = (c: Expr): Expr => arrayIndex(task, width, r, build.add(start, c));
    return storeRows(attention, 1, size, place, column, (_, c) =>
      resultOf(attention, { maximum, total, output: build.loadArray(output, at(c)) }),
    );
  });
  return [loop(row, 0, count, body)];
}
