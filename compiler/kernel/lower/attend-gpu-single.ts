/**
 * Attention of one or a few query rows on a GPU: for each a group takes the packed heads of one set, and its invocations
 * split the keys. Each has one key of a tile to make logits, and some columns of the values to add
 * up; what they exchange lies in group memory. Of many keys a group takes a share (`attend-split.ts`).
 * The order of all sums is fixed. See `attend-cpu.ts` for the numbers.
 */

import { invariant } from "../../../grammar/invariant.ts";
import type { Region } from "../../fusion/region.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import { asConstant, constant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { splitOf } from "../schedule/attend-splits.ts";
import { across, barrier, declare, loop, storeArray, tileMultiply, when } from "../statements.ts";
import { type KeyShares, queryRanges } from "./attend-class.ts";
import { combineShares } from "./attend-combine.ts";
import { logitOf, partArguments } from "./attend-pair.ts";
import { type Attention, attendWork, attentionOf, mostPacked, packedRows } from "./attend-rows.ts";
import {
  groupsOf,
  inShare,
  type OwnShare,
  partialsOf,
  startOfShare,
  storeOutputs,
  storeStatistics,
} from "./attend-split.ts";
import {
  asPower,
  depthColumn,
  fill,
  inBlocks,
  keep,
  logitFactor,
  refill,
  resultOf,
  storeRows,
  valueColumn,
  weightOf,
} from "./attend-tiles.ts";
import { type Walk, type WalkedTile, walkPart } from "./attend-walk.ts";
import type { Context, Coordinates } from "./context.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import { finishGroups, type Lowered, type Schedule } from "./schedule.ts";

/** The kernel of a region whose root is an `attend` of one or a few query rows. */
export function lowerAttendSingle(context: Context, region: Region, schedule: Schedule): Lowered {
  const { op: root } = nodeAt(context.graph, region.root);
  invariant(root.kind === "attend", "lowering: an attention");
  const elements = asConstant(context.extent(root.contracted)) ?? 1;
  const attention = attentionOf(context, region, mostPacked(schedule, elements));
  const { op, pack } = attention;
  const work = attendWork(attention, pack, { rows: 1, keys: 1 });
  const { blocks, tasks, flops } = work;
  const split = splitOf(attention, blocks, schedule);
  const body = inShare(attention, tasks, split, build.group, (number, own) => {
    const perSet = context.size(blocks);
    const first = context.fresh("first");
    const set = build.quotient(number, perSet);
    const task = taskOf(attention, schedule, own, set, build.variable(first));
    return [
      declare(first, build.multiply(build.remainder(number, perSet), pack)),
      ...task.start,
      barrier,
      ...task.queries.statements,
      ...op.parts.flatMap((_, part) =>
        walkPart(task, part, (tile, unmasked) => softmaxStep(task, tile, unmasked)),
      ),
      ...storeShare(task, set, own),
    ];
  });
  const groups = { groups: groupsOf(tasks, split), flops };
  const lowered = finishGroups(context, schedule, work, context.arrays, groups, body);
  if (split === undefined) return lowered;
  return { ...lowered, combine: combineShares(attention, split, schedule) };
}

interface Task extends Walk {
  /** Tiles of one column with a row for each head; one output for each column of an invocation. */
  readonly maximum: string;
  readonly sum: string;
  readonly outputs: readonly string[];
  /** Group arrays: queries; weights of a tile, by head and key. */
  readonly query: string;
  readonly weight: string;
  readonly start: readonly Statement[];
}

function taskOf(
  attention: Attention,
  schedule: Schedule,
  split: KeyShares | undefined,
  set: Expr,
  first: Expr,
): Task {
  const { context, args, op, pack, depth, width } = attention;
  const keys = schedule.invocations;
  const rows = packedRows(attention, set, pack);
  const start: Statement[] = [];
  const from = (row: Expr) => startOfShare(attention, rows.place(build.add(first, row)), split);
  const maximum = fill(context, "maximum", pack, 1, (r) => from(r).maximum, start);
  const sum = fill(context, "sum", pack, 1, (r) => from(r).sum, start);
  const columns = op.result === "output" ? Math.ceil(width / keys) : 0;
  const outputs = Array.from({ length: columns }, () =>
    fill(context, "output", pack, 1, () => build.real(0), start),
  );
  const query = context.array("query", pack * depth);
  const element = context.fresh("element");
  const at = build.variable(element);
  const place = rows.place(build.add(first, build.quotient(at, depth)));
  const value = read(
    ...([context, args.query] as const),
    new Map([...place, ...depthColumn(attention, build.remainder(at, depth))]),
  );
  const scaled = build.multiply(value, build.real(logitFactor(attention)));
  start.push(loop(element, build.invocation, pack * depth, [storeArray(query, at, scaled)], keys));
  const count = build.int(pack);
  return {
    ...{ attention, rows, first, count, keys, split, maximum, sum, outputs, query, start },
    queries: queryRanges(attention, rows, first, count),
    weight: context.array("weight", pack * keys),
  };
}

function softmaxStep(task: Task, tile: WalkedTile, unmasked: Expr): readonly Statement[] {
  const { attention, outputs, weight: array } = task;
  const { context, op, pack } = attention;
  const part = partArguments(attention, tile.part);
  const { normalize } = op;
  const out: Statement[] = [];
  const score = scores(task, tile, unmasked, part.key, out);
  if (normalize === "softmax") {
    out.push(...running(task, score));
  } else {
    const weight = build.element(score);
    // The weights of the tile before may still be read.
    out.push(
      refill(context, score, () => weightOf(normalize, weight)),
      barrier,
    );
  }
  out.push(
    keep(context, score, array, (r) => at(task, r, build.invocation)),
    barrier,
  );
  const key = context.fresh("key");
  const here = build.variable(key);
  const body: Statement[] = [];
  const load = (r: Expr): Expr => build.loadArray(array, at(task, r, here));
  const weight = fill(context, "weight", pack, 1, load, body);
  if (normalize === "softmax") {
    const more = build.add(build.element(task.sum), build.element(weight));
    body.push(refill(context, task.sum, () => more));
  }
  outputs.forEach((output, index) => {
    const column = valueColumn(attention, columnOf(task, index, true));
    const value = (): Expr => read(context, part.value, new Map([...tile.place(here), ...column]));
    body.push(tileMultiply(output, weight, fill(context, "value", 1, 1, value, body)));
  });
  return [...out, loop(key, 0, tile.existing, body)];
}

/** Where the logit or weight of head `row` and key `key` of the tile lies. */
function at({ keys }: Task, row: Expr, key: Expr): Expr {
  return build.add(build.multiply(row, keys), key);
}

/** Column number `index` of the invocation; `clamped` to the last. */
function columnOf({ attention, keys }: Task, index: number, clamped: boolean): Expr {
  const column = build.add(build.invocation, index * keys);
  const isInside = (index + 1) * keys <= attention.width;
  return clamped && !isInside ? build.minimum(column, attention.width - 1) : column;
}

/** The logits of the invocation's key with all heads; the result names their tile. */
function scores(
  task: Task,
  tile: WalkedTile,
  unmasked: Expr,
  keys: ValueId,
  out: Statement[],
): string {
  const { attention, query } = task;
  const { context, pack, depth } = attention;
  const score = fill(context, "score", pack, 1, () => build.real(0), out);
  const place = tile.place(build.invocation);
  const isThere = build.less(build.invocation, tile.existing);
  const ofKey = (body: readonly Statement[]): readonly Statement[] =>
    tile.inRange === undefined ? body : [when(isThere, body)];
  out.push(
    ...ofKey(
      inBlocks(context, depth, [4], (e, size) => {
        const inner: Statement[] = [];
        const left = fill(
          ...([context, "query", pack, size] as const),
          (r, c) => build.loadArray(query, build.add(build.multiply(r, depth), build.add(e, c))),
          inner,
        );
        const right = fill(
          ...([context, "key", size, 1] as const),
          (r) =>
            read(context, keys, new Map([...place, ...depthColumn(attention, build.add(e, r))])),
          inner,
        );
        return [...inner, tileMultiply(score, left, right)];
      }),
    ),
  );
  const shown = (r: Expr): Expr => build.or(unmasked, tile.shown(r, build.invocation));
  const logit = (r: Expr): Expr => {
    const product = build.element(score);
    return asPower(attention, logitOf(attention, product, tile.at(r, build.invocation)));
  };
  out.push(refill(context, score, (r) => build.select(shown(r), logit(r), lowest)));
  return score;
}

/**
 * The online softmax: `score` becomes weights under the new maximum of each head. All have read the
 * weights of the tile before when they have the maximum.
 */
function running(task: Task, score: string): readonly Statement[] {
  const { attention, keys, maximum, sum, outputs } = task;
  const { context, pack } = attention;
  const largest = context.fresh("largest");
  const out: Statement[] = [across(largest, score, "max", keys)];
  const both = build.maximum(build.element(maximum), build.element(largest));
  const next = fill(context, "next", pack, 1, () => both, out);
  const change = build.subtract(build.element(maximum), build.element(next));
  const decay = fill(context, "decay", pack, 1, () => build.call("exp2", change), out);
  const decayed = (name: string): Statement =>
    refill(context, name, () => build.multiply(build.element(name), build.element(decay)));
  const shifted = build.subtract(build.element(score), build.element(next));
  return [
    ...out,
    refill(context, score, () => build.call("exp2", shifted)),
    ...[sum, ...outputs].map(decayed),
    refill(context, maximum, () => build.element(next)),
  ];
}

/** Stores the result of the rows or, where groups split their keys, the group's share of it. */
function storeShare(task: Task, set: Expr, own: OwnShare | undefined): readonly Statement[] {
  const { attention, first, maximum, sum, outputs } = task;
  if (own === undefined) return storeResult(task);
  const partials = partialsOf(attention, own.split, "write");
  const slot = (row: Expr): Expr => partials.slot(own.share, set, build.add(first, row));
  const rows = { attention, partials, maximum, sum, slot };
  const statistics = storeStatistics(rows);
  const isFirst = build.equal(build.invocation, 0);
  const share = [
    ...(statistics.length === 0 ? [] : [when(isFirst, statistics)]),
    ...outputs.map((output, index) => {
      const column = columnOf(task, index, false);
      const store = storeOutputs(rows, output, () => column);
      return when(build.less(column, attention.width), [store]);
    }),
  ];
  return [when(own.isWhole, storeResult(task), share)];
}

function storeResult(task: Task): readonly Statement[] {
  const { attention, rows, first, outputs } = task;
  const { op, pack, width, context } = attention;
  const place = (row: Expr): Coordinates => rows.place(build.add(first, row));
  const row = { maximum: build.element(task.maximum), total: build.element(task.sum) };
  if (op.result === "log_sum_exp") {
    const store = storeRows(
      attention,
      pack,
      1,
      place,
      () => new Map(),
      () => resultOf(attention, row),
    );
    return [when(build.equal(build.invocation, 0), store)];
  }
  return outputs.map((output, index) => {
    const column = valueColumn(attention, columnOf(task, index, false));
    const store = storeRows(...([attention, pack, 1, place, () => column] as const), () =>
      resultOf(attention, { ...row, output: build.element(output) }),
    );
    return when(build.less(columnOf(task, index, false), context.size(constant(width))), store);
  });
}
