/**
 * Attention without group memory, with an online softmax (Milakov and Gimelshein 2018; Dao 2022,
 * FlashAttention, algorithm 1): one invocation takes some packed query rows of one set and walks the
 * keys of every part in tiles that lie in its registers. For GPUs in software, and for what tensor
 * cores do not fit.
 */

import type { Region } from "../../fusion/region.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { declare, tileMultiply, tileReduce } from "../statements.ts";
import { queryRanges } from "./attend-class.ts";
import { logitOf, partArguments } from "./attend-pair.ts";
import { type Attention, attendWork, attentionOf, packedRows, rowsOfTask } from "./attend-rows.ts";
import {
  asPower,
  depthColumn,
  fill,
  inBlocks,
  isMultiple,
  logitFactor,
  refill,
  resultOf,
  startOf,
  storeRows,
  valueColumn,
  weightOf,
} from "./attend-tiles.ts";
import { type KeyTile, type Walk, walkPart } from "./attend-walk.ts";
import type { Context } from "./context.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** Lowers a region whose root is an `attend` that gives its output or its log-sum-exp. */
export function lowerAttend(context: Context, region: Region, schedule: Schedule): Lowered {
  const attention = attentionOf(context, region, schedule.queries);
  const { op, pack, rows } = attention;
  const step = rowsOfTask(schedule, pack);
  const grain = { rows: step, keys: schedule.keys };
  const { name, comment, tasks, flops, blocks } = attendWork(attention, step, grain);
  return finish(context, schedule, name, comment, tasks, flops, (task) => {
    const tiles = context.size(blocks);
    const [first, count] = [context.fresh("first"), context.fresh("count")];
    const even = isMultiple(rows, step);
    const left = build.subtract(context.size(rows), build.variable(first));
    const running = runningRows(attention, schedule, step, {
      set: build.quotient(task, tiles),
      first: build.variable(first),
      count: build.variable(count),
    });
    return [
      declare(first, build.multiply(build.remainder(task, tiles), step)),
      declare(count, even ? build.int(step) : build.minimum(left, step)),
      ...running.start,
      ...running.queries.statements,
      ...op.parts.flatMap((_, part) =>
        walkPart(running, part, (tile, unmasked) => softmaxStep(running, tile, unmasked)),
      ),
      ...storeResult(running, even),
    ];
  });
}

/** The rows of a task, with the tiles that it carries from key tile to key tile. */
interface Running extends Walk {
  readonly step: number;
  readonly maximum: string;
  readonly sum: string;
  readonly output: string | undefined;
  /** Declares the tiles. */
  readonly start: readonly Statement[];
}

function runningRows(
  attention: Attention,
  { keys }: Schedule,
  step: number,
  task: { readonly set: Expr; readonly first: Expr; readonly count: Expr },
): Running {
  const { context, op, width } = attention;
  const { first, count } = task;
  const rows = packedRows(attention, task.set, step);
  const start: Statement[] = [];
  const of = (row: Expr) => startOf(attention, rows.place(build.add(first, row)));
  const maximum = fill(context, "maximum", step, 1, (row) => of(row).maximum, start);
  const sum = fill(context, "sum", step, 1, (row) => of(row).sum, start);
  const hasOutput = op.result === "output";
  const output = hasOutput
    ? fill(context, "output", step, width, () => build.real(0), start)
    : undefined;
  const queries = queryRanges(attention, rows, first, count);
  return { attention, rows, first, count, keys, queries, step, maximum, sum, output, start };
}

function softmaxStep(running: Running, tile: KeyTile, unmasked: Expr): readonly Statement[] {
  const { attention, keys, output } = running;
  const { context, op, width } = attention;
  const out: Statement[] = [];
  const score = products(running, tile, out);
  out.push(
    refill(context, score, (row, key) => {
      const scaled = build.multiply(build.element(score), build.real(logitFactor(attention)));
      const logit = asPower(attention, logitOf(attention, scaled, tile.at(row, key)));
      return build.select(build.or(unmasked, tile.shown(row, key)), logit, lowest);
    }),
  );
  if (op.normalize === "softmax") out.push(...softmax(running, score));
  else {
    const { normalize } = op;
    out.push(refill(context, score, () => weightOf(normalize, build.element(score))));
  }
  if (output === undefined) return out;
  const part = partArguments(attention, tile.part);
  const value = fill(
    ...([context, "value", keys, width] as const),
    (key, column) =>
      read(context, part.value, new Map([...tile.place(key), ...valueColumn(attention, column)])),
    out,
  );
  out.push(tileMultiply(output, score, value));
  return out;
}

/** Declares the tile of the products of queries and keys; gives its name. */
function products(running: Running, tile: KeyTile, out: Statement[]): string {
  const { attention, rows, first, step, keys } = running;
  const { context, args, depth } = attention;
  const part = partArguments(attention, tile.part);
  const score = fill(context, "score", step, keys, () => build.real(0), out);
  out.push(
    ...inBlocks(context, depth, [4], (start, size) => {
      const inner: Statement[] = [];
      const along = (offset: Expr) => depthColumn(attention, build.add(start, offset));
      const query = fill(
        ...([context, "query", step, size] as const),
        (row, offset) => {
          const place = rows.place(build.add(first, row));
          return read(context, args.query, new Map([...place, ...along(offset)]));
        },
        inner,
      );
      const key = fill(
        ...([context, "key", size, keys] as const),
        (offset, each) => read(context, part.key, new Map([...tile.place(each), ...along(offset)])),
        inner,
      );
      return [...inner, tileMultiply(score, query, key)];
    }),
  );
  return score;
}

/** Turns logits into weights, and brings the running maximum, sum and output along. */
function softmax(running: Running, score: string): readonly Statement[] {
  const { attention, step, maximum, sum, output } = running;
  const { context } = attention;
  const [top, added] = [context.fresh("top"), context.fresh("added")];
  const power = (x: Expr): Expr => build.call("exp2_negative", x);
  const out: Statement[] = [tileReduce(top, score, "max")];
  const larger = (): Expr => build.maximum(build.element(maximum), build.element(top));
  const next = fill(context, "next", step, 1, larger, out);
  const change = (): Expr => power(build.subtract(build.element(maximum), build.element(next)));
  const decay = fill(context, "decay", step, 1, change, out);
  const decayed = (tile: string): Expr => build.multiply(build.element(tile), build.element(decay));
  out.push(
    refill(context, score, () => power(build.subtract(build.element(score), build.element(next)))),
    tileReduce(added, score, "sum"),
    refill(context, sum, () => build.add(decayed(sum), build.element(added))),
    refill(context, maximum, () => build.element(next)),
  );
  if (output !== undefined) out.push(refill(context, output, () => decayed(output)));
  return out;
}

function storeResult(running: Running, even: boolean): readonly Statement[] {
  const { attention, rows, first, count, step, output } = running;
  const row = {
    maximum: build.element(running.maximum),
    total: build.element(running.sum),
    ...(output === undefined ? {} : { output: build.element(output) }),
  };
  return storeRows(
    attention,
    step,
    output === undefined ? 1 : attention.width,
    (each) => rows.place(build.add(first, each)),
    (column) => (output === undefined ? new Map() : valueColumn(attention, column)),
    () => resultOf(attention, row),
    even ? undefined : (each) => build.less(each, count),
  );
}
