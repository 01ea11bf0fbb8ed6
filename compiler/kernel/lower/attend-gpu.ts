/**
 * Attention on a GPU, with an online softmax (see `attend-cpu.ts` for the numbers). A group takes some
 * packed query rows of one set, one each invocation, and walks the keys of every part in tiles. The
 * tile's keys, and after them its values, lie in group memory, where all invocations read the same
 * element at the same time; each keeps its own output row in registers and the logits of its row in
 * group memory, so that the loops over keys are short text.
 */

import type { Region } from "../../fusion/region.ts";
import type { ValueId } from "../../graph/graph.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import {
  assign,
  barrier,
  declare,
  loop,
  mutable,
  storeArray,
  tileMultiply,
  when,
} from "../statements.ts";
import { queryRanges } from "./attend-class.ts";
import { logitOf, partArguments } from "./attend-pair.ts";
import {
  type Attention,
  attendWork,
  attentionOf,
  packedRows,
  rowsOfTask,
  tileKeys,
} from "./attend-rows.ts";
import {
  asPower,
  depthColumn,
  fill,
  inBlocks,
  isMultiple,
  keep,
  logitFactor,
  refill,
  resultOf,
  startOf,
  storeRows,
  valueColumn,
  weightOf,
} from "./attend-tiles.ts";
import { type KeyTile, type Walk, walkPart } from "./attend-walk.ts";
import type { Context, Coordinates } from "./context.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import { finishGroups, type Lowered, type Schedule } from "./schedule.ts";

/** The kernel of a region whose root is an `attend` that gives its output or its log-sum-exp. */
export function lowerAttendGpu(context: Context, region: Region, schedule: Schedule): Lowered {
  const attention = attentionOf(context, region, schedule.queries);
  const { op, pack, rows } = attention;
  const step = rowsOfTask(schedule, pack);
  const keys = tileKeys(schedule, attention.depth, attention.width);
  const work = attendWork(attention, step, { rows: 1, keys });
  const tiles = context.size(work.blocks);
  const [first, count] = [context.fresh("first"), context.fresh("count")];
  const left = build.subtract(context.size(rows), build.variable(first));
  const set = build.quotient(build.group, tiles);
  const task = taskOf(attention, { invocations: schedule.queries, keys }, set, step, first, count);
  const body = [
    declare(first, build.multiply(build.remainder(build.group, tiles), step)),
    declare(count, isMultiple(rows, step) ? build.int(step) : build.minimum(left, step)),
    ...task.start,
    ...task.queries.statements,
    ...op.parts.flatMap((_, part) =>
      walkPart(task, part, (tile, unmasked) => softmaxStep(task, tile, unmasked)),
    ),
    ...storeResult(task),
  ];
  const groups = { groups: work.tasks, flops: work.flops };
  return finishGroups(context, schedule, work, context.arrays, groups, body);
}

interface Task extends Walk {
  readonly invocations: number;
  /** Variables of the invocation's row, and the tile of its output. */
  readonly maximum: string;
  readonly sum: string;
  readonly output: string | undefined;
  /** Group arrays: keys, then values; logits, then weights, by key and row. */
  readonly tile: string;
  readonly score: string;
  /** Declares the running row. */
  readonly start: readonly Statement[];
}

function taskOf(
  attention: Attention,
  { invocations, keys }: Pick<Task, "invocations" | "keys">,
  set: Expr,
  step: number,
  firstName: string,
  countName: string,
): Task {
  const { context, op, depth, width } = attention;
  // Invocations beyond whole query rows take rows that need not be there.
  const rows = packedRows(attention, set, step === invocations ? step : Number.POSITIVE_INFINITY);
  const [first, count] = [build.variable(firstName), build.variable(countName)];
  const [maximum, sum] = [context.fresh("maximum"), context.fresh("sum")];
  const from = startOf(attention, rows.place(build.add(first, build.invocation)));
  const start: Statement[] = [mutable(maximum, from.maximum), mutable(sum, from.sum)];
  const hasOutput = op.result === "output";
  const output = hasOutput
    ? fill(context, "output", 1, width, () => build.real(0), start)
    : undefined;
  return {
    ...{ attention, rows, first, count, keys, invocations, maximum, sum, output, start },
    queries: queryRanges(attention, rows, first, count),
    tile: context.array("tile", keys * Math.max(depth, hasOutput ? width : 0)),
    score: context.array("score", keys * invocations),
  };
}

function softmaxStep(task: Task, tile: KeyTile, unmasked: Expr): readonly Statement[] {
  const { attention, output } = task;
  const { depth, width } = attention;
  const part = partArguments(attention, tile.part);
  return [
    ...copyTile(task, tile, part.key, depth, (c) => depthColumn(attention, c)),
    barrier,
    ...ofRow(task, [...scores(task), ...weights(task, tile, unmasked)]),
    barrier,
    ...(output === undefined
      ? []
      : [
          ...copyTile(task, tile, part.value, width, (c) => valueColumn(attention, c)),
          barrier,
          ...ofRow(task, addValues(task, output)),
          barrier,
        ]),
  ];
}

/** What an invocation does for its row: past the last row there is none. */
function ofRow(
  { attention, invocations, count }: Task,
  body: readonly Statement[],
): readonly Statement[] {
  if (isMultiple(attention.rows, invocations)) return body;
  return [when(build.less(build.invocation, count), body)];
}

/** Copies rows of keys or values into the tile, all invocations together. */
function copyTile(
  { attention, keys, invocations, tile: array }: Task,
  tile: KeyTile,
  value: ValueId,
  width: number,
  column: (column: Expr) => Coordinates,
): readonly Statement[] {
  const { context } = attention;
  const lanes = width % 4 === 0 ? 4 : 1;
  const element = context.fresh("element");
  const from = build.variable(element);
  const out: Statement[] = [];
  const place = tile.place(build.quotient(from, width));
  const copy = fill(
    ...([context, "copy", 1, lanes] as const),
    (_, c) => {
      const at = column(build.add(build.remainder(from, width), c));
      return read(context, value, new Map([...place, ...at]));
    },
    out,
  );
  const body = [...out, keep(context, copy, array, (_, c) => build.add(from, c))];
  const first = build.multiply(build.invocation, lanes);
  return [loop(element, first, keys * width, body, invocations * lanes)];
}

/** Where the logit of key `key` of the invocation's row lies. */
function scoreAt({ invocations }: Task, key: Expr): Expr {
  return build.add(build.multiply(key, invocations), build.invocation);
}

/** The products of the invocation's query with all keys of the tile. */
function scores(task: Task): readonly Statement[] {
  const { attention, rows, first, keys, tile, score: array } = task;
  const { context, args, depth } = attention;
  const out: Statement[] = [];
  const place = rows.place(build.add(first, build.invocation));
  const score = fill(context, "score", 1, keys, () => build.real(0), out);
  out.push(
    ...inBlocks(context, depth, [4], (e, size) => {
      const inner: Statement[] = [];
      const query = fill(
        ...([context, "query", 1, size] as const),
        (_, c) =>
          read(
            context,
            args.query,
            new Map([...place, ...depthColumn(attention, build.add(e, c))]),
          ),
        inner,
      );
      const key = fill(
        ...([context, "key", size, keys] as const),
        (r, c) => build.loadArray(tile, build.add(build.multiply(c, depth), build.add(e, r))),
        inner,
      );
      return [...inner, tileMultiply(score, query, key)];
    }),
    keep(context, score, array, (_, c) => scoreAt(task, c)),
  );
  return out;
}

/** Turns the logits of the invocation's row into weights, and brings what runs along. */
function weights(task: Task, tile: KeyTile, unmasked: Expr): readonly Statement[] {
  const { attention, keys, score, maximum, sum, output } = task;
  const { context, op } = attention;
  const { normalize } = op;
  const overTile = (body: (key: Expr, value: Expr) => readonly Statement[]): Statement => {
    const key = context.fresh("key");
    const at = scoreAt(task, build.variable(key));
    return loop(key, 0, keys, body(build.variable(key), build.loadArray(score, at)));
  };
  const put = (key: Expr, value: Expr): Statement => storeArray(score, scoreAt(task, key), value);
  const logit = (key: Expr, product: Expr): Expr => {
    const scaled = build.multiply(product, build.real(logitFactor(attention)));
    return asPower(attention, logitOf(attention, scaled, tile.at(build.invocation, key)));
  };
  const largest = build.variable(maximum, build.f32);
  const out: Statement[] = [];
  if (normalize !== "softmax") {
    const shown = (key: Expr): Expr => build.or(unmasked, tile.shown(build.invocation, key));
    out.push(
      overTile((key, each) => [
        put(key, weightOf(normalize, build.select(shown(key), logit(key, each), lowest))),
      ]),
    );
    return out;
  }
  const [next, each, decay] = [
    context.fresh("next"),
    context.fresh("logit"),
    context.fresh("decay"),
  ];
  const change = build.variable(decay, build.f32);
  const top = build.variable(next, build.f32);
  const value = build.variable(each, build.f32);
  const shown = (key: Expr): Expr => build.or(unmasked, tile.shown(build.invocation, key));
  const total = build.variable(sum, build.f32);
  return [
    mutable(next, largest),
    overTile((key, product) => [
      declare(each, build.select(shown(key), logit(key, product), lowest)),
      put(key, value),
      assign(next, build.maximum(top, value)),
    ]),
    declare(decay, build.call("exp2", build.subtract(largest, top))),
    assign(maximum, top),
    assign(sum, build.multiply(total, change)),
    ...(output === undefined
      ? []
      : [refill(context, output, () => build.multiply(build.element(output), change))]),
    overTile((key, logits) => {
      const weight = context.fresh("weight");
      const power = build.variable(weight, build.f32);
      return [
        declare(weight, build.call("exp2", build.subtract(logits, top))),
        put(key, power),
        assign(sum, build.add(total, power)),
      ];
    }),
  ];
}

/** Adds the values of the tile, times their weights, to the output. */
function addValues(task: Task, output: string): readonly Statement[] {
  const { attention, keys, tile, score } = task;
  const { context, width } = attention;
  const key = context.fresh("key");
  const inner: Statement[] = [];
  const weight = fill(
    ...([context, "weight", 1, 1] as const),
    () => build.loadArray(score, scoreAt(task, build.variable(key))),
    inner,
  );
  const value = fill(
    ...([context, "value", 1, width] as const),
    (_, c) => build.loadArray(tile, build.add(build.multiply(build.variable(key), width), c)),
    inner,
  );
  return [loop(key, 0, keys, [...inner, tileMultiply(output, weight, value)])];
}

function storeResult(task: Task): readonly Statement[] {
  const { attention, rows, first, count, output, width } = { ...task, width: task.attention.width };
  const place = (): Coordinates => rows.place(build.add(first, build.invocation));
  const row = {
    maximum: build.variable(task.maximum, build.f32),
    total: build.variable(task.sum, build.f32),
  };
  const isThere = build.less(build.invocation, count);
  if (output === undefined) {
    const value = resultOf(attention, row);
    return [
      when(
        isThere,
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
  const store = storeRows(
    ...([attention, 1, width, place] as const),
    (c) => valueColumn(attention, c),
    () => resultOf(attention, { ...row, output: build.element(output) }),
  );
  return [when(isThere, store)];
}
