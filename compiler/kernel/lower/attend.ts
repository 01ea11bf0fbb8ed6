/**
 * Attention without group memory, with an online softmax (Milakov and Gimelshein 2018; Dao 2022,
 * FlashAttention, algorithm 1): one invocation takes some packed query rows of one set and walks the
 * keys of every part, one by one. For GPUs in software, and for what tensor cores do not fit.
 *
 * In software a load costs as much as some ten multiplications, wherever it reads, so that what is
 * loaded serves as many rows as possible: queries, and the outputs that grow, stay in registers for
 * all keys, and of each key and value nothing is loaded twice. All of these are cut along the head into
 * tiles of four elements, whose columns are the rows of the task. Loops bring queries and results in and
 * out a row at a time, since a load or store takes as long to compile as some ten multiplications, too.
 */

import type { Region } from "../../fusion/region.ts";
import { asConstant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { assign, declare, loop, mutable, tileMultiply, when } from "../statements.ts";
import { classOf, keyRanges, overKeys, queryRanges } from "./attend-class.ts";
import {
  isVisible,
  keyPlace,
  logitOf,
  type PairPlace,
  partArguments,
  partAt,
} from "./attend-pair.ts";
import { columnOf, type Held, holdRows, overBlocks } from "./attend-held.ts";
import { type Attention, attendWork, attentionOf, packedRows, rowsOfTask } from "./attend-rows.ts";
import {
  asPower,
  depthColumn,
  fill,
  isMultiple,
  logitFactor,
  refill,
  resultOf,
  startOf,
  storeRows,
  valueColumn,
  weightOf,
} from "./attend-tiles.ts";
import type { Walk } from "./attend-walk.ts";
import type { Context, Coordinates } from "./context.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";

/** Lowers a region whose root is an `attend` that gives its output or its log-sum-exp. */
export function lowerAttend(context: Context, region: Region, schedule: Schedule): Lowered {
  const attention = attentionOf(context, region, schedule.queries);
  const { op, pack, rows } = attention;
  const step = rowsOfTask(schedule, pack);
  // No key is computed past the last.
  const grain = { rows: step, keys: 1 };
  const { name, comment, tasks, flops, blocks } = attendWork(attention, step, grain);
  return finish(context, schedule, name, comment, tasks, flops, (task) => {
    const tiles = context.size(blocks);
    const [first, some] = [context.fresh("first"), context.fresh("count")];
    const left = build.subtract(context.size(rows), build.variable(first));
    const isWhole = step === 1 || isMultiple(rows, step);
    const count = isWhole ? build.int(step) : build.variable(some);
    const running = runningRows(attention, schedule, step, {
      set: build.quotient(task, tiles),
      first: build.variable(first),
      count,
    });
    return [
      declare(first, build.multiply(build.remainder(task, tiles), step)),
      ...(isWhole ? [] : [declare(some, build.minimum(left, step))]),
      ...running.start,
      ...running.queries.statements,
      ...op.parts.flatMap((_, part) => overPart(running, part)),
      storeResults(running),
    ];
  });
}

/** The rows of a task, with the tiles that it carries from key to key: a column is a row. */
interface Running extends Walk {
  readonly step: number;
  /** Of one row. */
  readonly maximum: string;
  readonly sum: string;
  readonly query: Held;
  /** Absent where the result is the log-sum-exp. */
  readonly outputs: Held | undefined;
  /** Declares the tiles. */
  readonly start: readonly Statement[];
}

function runningRows(
  attention: Attention,
  { keys, target }: Schedule,
  step: number,
  task: { readonly set: Expr; readonly first: Expr; readonly count: Expr },
): Running {
  const { context, op, depth, width } = attention;
  const { first, count } = task;
  const rows = packedRows(attention, task.set, step);
  const start: Statement[] = [];
  const of = (row: Expr) => startOf(attention, rows.place(build.add(first, row)));
  const maximum = fill(context, "maximum", 1, step, (_, row) => of(row).maximum, start);
  const sum = fill(context, "sum", 1, step, (_, row) => of(row).sum, start);
  const rolled = depth + width <= (target.narrowHead ?? 0);
  const held = (name: string, elements: number): Held =>
    holdRows(context, name, step, elements, rolled, start);
  const query = held("query", depth);
  const outputs = op.result === "output" ? held("output", width) : undefined;
  const queries = queryRanges(attention, rows, first, count);
  const running = { attention, rows, first, count, keys, queries, step, maximum, sum };
  start.push(loadQueries({ ...running, query }));
  return { ...running, query, outputs, start };
}

/** The loop that loads the queries, scaled as logits are, row by row. */
function loadQueries({
  attention,
  rows,
  first,
  step,
  query,
}: Omit<Running, "outputs" | "start">): Statement {
  const { context, args } = attention;
  const name = context.fresh("query_row");
  const own = build.variable(name);
  const place = rows.place(build.add(first, own));
  const body = overBlocks(query, (tile, start, size) => {
    const out: Statement[] = [];
    const scaled = (each: Expr): Expr => {
      const along = depthColumn(attention, build.add(start, each));
      const value = read(context, args.query, new Map([...place, ...along]));
      return build.multiply(value, build.real(logitFactor(attention)));
    };
    const row = fill(context, "loaded", size, 1, scaled, out);
    const kept = (each: Expr): Expr =>
      build.select(build.equal(own, each), build.element(row), build.element(tile));
    return [...out, refill(context, tile, (_, each) => kept(each))];
  });
  return loop(name, 0, step, body);
}

/**
 * Takes the keys of a part one by one. Software runs both sides of a branch, masked, and only a loop
 * leaves something out: so of a run of keys one loop finds the first and last that any row sees, and
 * another takes those between.
 */
function overPart(running: Running, part: number): readonly Statement[] {
  const { attention } = running;
  const { context } = attention;
  const { axis, mask } = partAt(attention, part);
  const name = context.fresh("key_row");
  const taken = keyStep(running, part, build.variable(name));
  if (mask.kind === "constant") return overKeys({ ...running, keys: 1 }, part, name, () => taken);
  const start = context.fresh("key_start");
  const count = context.size(context.extent(axis));
  const loops = overKeys(running, part, start, () => {
    const first = build.variable(start);
    const seen = seenKeys(
      running,
      part,
      first,
      build.minimum(build.add(first, running.keys), count),
    );
    return [...seen.statements, loop(name, seen.from, seen.to, taken)];
  });
  // Bounds read the first and last key.
  const isKnown = asConstant(context.extent(axis)) !== undefined;
  return isKnown ? loops : [when(build.less(0, count), loops)];
}

/** Between which of the keys from `start` on and before `end` the rows see any. */
function seenKeys(
  { attention, rows, queries }: Running,
  part: number,
  start: Expr,
  end: Expr,
): { readonly statements: readonly Statement[]; readonly from: Expr; readonly to: Expr } {
  const { context } = attention;
  const key = context.fresh("key");
  const from = context.fresh("first_seen");
  const to = context.fresh("end_seen");
  const [own, low] = [build.variable(key), build.variable(from)];
  const ranges = keyRanges(attention, part, rows, own, build.int(1), 1);
  const { possible } = classOf(attention, part, queries, ranges, rows.keyHeads);
  const noted = [assign(from, build.minimum(low, own)), assign(to, build.add(own, 1))];
  const search = loop(key, start, end, [...ranges.statements, when(possible, noted)]);
  const statements = [mutable(from, end), mutable(to, start), search];
  return { statements, from: low, to: build.variable(to) };
}

/** Takes one key into the running rows. */
function keyStep(running: Running, part: number, keyRow: Expr): readonly Statement[] {
  const { attention, rows, outputs } = running;
  const { context, op } = attention;
  const key = keyPlace(attention, part, rows.keyHeads, keyRow);
  const at = (row: Expr): PairPlace => {
    const packed = build.add(running.first, row);
    return { part, query: rows.place(packed), queryRow: rows.queryRow(packed), key, keyRow };
  };
  const out: Statement[] = [];
  const score = products(running, part, key, out);
  const own = build.element(score);
  if (op.score !== undefined)
    out.push(
      refill(context, score, (_, row) => asPower(attention, logitOf(attention, own, at(row)))),
    );
  const visible = (row: Expr): Expr => isVisible(attention, at(row));
  const { mask } = partAt(attention, part);
  const isPlain = mask.kind === "constant" && mask.value;
  if (!isPlain)
    out.push(refill(context, score, (_, row) => build.select(visible(row), own, lowest)));
  const decay = weights(running, score, out);
  if (outputs === undefined) return out;
  const { value: values } = partArguments(attention, part);
  const added = overBlocks(outputs, (tile, start, size) => {
    const loads: Statement[] = [];
    const valueAt = (each: Expr): Expr =>
      read(context, values, new Map([...key, ...valueColumn(attention, build.add(start, each))]));
    const value = fill(context, "value", size, 1, valueAt, loads);
    const before = build.element(tile);
    const kept = decay === undefined ? before : build.multiply(before, build.element(decay));
    const more = build.multiply(own, build.element(value));
    return [...loads, refill(context, tile, () => build.add(kept, more))];
  });
  return [...out, ...added];
}

/** Declares the tile of the products of the queries and a key; gives its name. */
function products(running: Running, part: number, key: Coordinates, out: Statement[]): string {
  const { attention, query, step } = running;
  const { context } = attention;
  const { key: keys } = partArguments(attention, part);
  const score = fill(context, "score", 1, step, () => build.real(0), out);
  const added = overBlocks(query, (tile, start, size) => {
    const loads: Statement[] = [];
    const along = (each: Expr): Coordinates => depthColumn(attention, build.add(start, each));
    const loaded = fill(
      ...([context, "key", 1, size] as const),
      (_, each) => read(context, keys, new Map([...key, ...along(each)])),
      loads,
    );
    return [...loads, tileMultiply(score, loaded, tile)];
  });
  out.push(...added);
  return score;
}

/**
 * Turns logits into weights, and brings the running maxima and sums along; gives what the outputs of
 * the keys before are multiplied by, if anything.
 */
function weights(
  { attention, maximum, sum, step }: Running,
  score: string,
  out: Statement[],
): string | undefined {
  const { context, op } = attention;
  const own = build.element(score);
  const { normalize } = op;
  if (normalize !== "softmax") {
    out.push(refill(context, score, () => weightOf(normalize, own)));
    return undefined;
  }
  const power = (x: Expr): Expr => build.call("exp2_negative", x);
  const larger = build.maximum(build.element(maximum), own);
  const next = fill(context, "next", 1, step, () => larger, out);
  const changed = power(build.subtract(build.element(maximum), build.element(next)));
  const decay = fill(context, "decay", 1, step, () => changed, out);
  const decayed = build.multiply(build.element(sum), build.element(decay));
  out.push(
    refill(context, score, () => power(build.subtract(own, build.element(next)))),
    refill(context, sum, () => build.add(decayed, own)),
    refill(context, maximum, () => build.element(next)),
  );
  return decay;
}

/** The loop that stores the results row by row. */
function storeResults(running: Running): Statement {
  const { attention, rows, first, count, outputs, step } = running;
  const { context } = attention;
  const name = context.fresh("result_row");
  const row = build.variable(name);
  const body: Statement[] = [];
  const own = (tile: string, size: number, out: Statement[]): Expr =>
    build.element(columnOf(context, tile, size, step, row, out));
  const maximum = own(running.maximum, 1, body);
  const total = own(running.sum, 1, body);
  const place = rows.place(build.add(first, row));
  const nowhere = (): Coordinates => new Map();
  if (outputs === undefined) {
    const result = resultOf(attention, { maximum, total });
    body.push(...storeRows(...([attention, 1, 1, () => place, nowhere] as const), () => result));
    return loop(name, 0, count, body);
  }
  const stores = overBlocks(outputs, (tile, start, size) => {
    const out: Statement[] = [];
    const result = resultOf(attention, { maximum, total, output: own(tile, size, out) });
    const at = (each: Expr): Coordinates =>
      new Map([...place, ...valueColumn(attention, build.add(start, each))]);
    return [...out, ...storeRows(attention, size, 1, at, nowhere, () => result)];
  });
  return loop(name, 0, count, [...body, ...stores]);
}
