/**
 * Attention with an online softmax (Milakov and Gimelshein 2018; Dao 2022, FlashAttention, algorithm
 * 1): one task takes some query rows of one head and walks the keys of every part in tiles.
 *
 * A tile that the mask hides is skipped, one that it shows whole is not tested. A hidden pair has
 * probability 0 whatever the running maximum, so a row that sees no key ends with sum 0 and gives 0.
 * Keys past the end are read from the last one and hidden.
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { asConstant, ceilDivide, constant, divide, productOf, sumOf } from "../../op/dimension.ts";
import { type AttendOp, attendArguments } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { tile as declareTile, tileEach, when } from "../statements.ts";
import { affineOf } from "./affine.ts";
import { attendPart, type Running } from "./attend-part.ts";
import type { Context, Coordinates } from "./context.ts";
import { divideIndex } from "./divide-index.ts";
import { extentOf, compute, read, unflatten } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import { commentOf, regionName } from "./name.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo } from "./store.ts";

/** Lowers a region whose root is an `attend` that gives its output or its log-sum-exp. */
export function lowerAttend(context: Context, region: Region, schedule: Schedule): Lowered {
  const node = nodeAt(context.graph, region.root);
  const op = node.op;
  invariant(op.kind === "attend" && op.result !== "weights", "lowering: an attention's output");
  const args = attendArguments(op, node.args);
  const queryAxes = nodeAt(context.graph, args.query).type.axes;
  const outer = queryAxes.filter((axis) => axis !== op.query && axis !== op.contracted);
  const rows = context.extent(op.query);
  const rowTiles = ceilDivide(rows, constant(schedule.queries));
  const tasks = productOf([extentOf(context, outer), rowTiles]);
  const keys = sumOf(op.parts.map((part) => context.extent(part.axis)));
  const perPair = sumOf([context.extent(op.contracted), context.extent(op.value)]);
  const flops = productOf([constant(2 * schedule.queries), tasks, keys, perPair]);
  const name = regionName(context, region);
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) => {
    const tiles = context.size(rowTiles);
    const heads = unflatten(
      context,
      outer,
      affineOf({
        key: "head",
        expr: build.quotient(task, tiles),
        extent: extentOf(context, outer),
      }),
    );
    const start = build.multiply(build.remainder(task, tiles), schedule.queries);
    const last = build.subtract(context.size(rows), 1);
    const even = schedule.queries === 1;
    const queryRow = (row: Expr): Expr =>
      even ? start : build.minimum(build.add(start, row), last);
    const place = (row: Expr): Coordinates =>
      new Map([
        ...heads,
        [op.query, affineOf({ key: "query", expr: queryRow(row), extent: rows })],
      ]);
    const running = declareRunning(context, op, schedule, args.sink, heads);
    const parts = op.parts.flatMap((_, part) =>
      attendPart(context, op, args, part, running, schedule, {
        place,
        queryRow,
        keyHeads: keyHeads(context, op, heads),
      }),
    );
    const guard = even
      ? undefined
      : (row: Expr): Expr => build.less(build.add(start, row), context.size(rows));
    return [
      ...running.statements,
      ...parts,
      ...storeResult(context, region, op, running, schedule, place, guard),
    ];
  });
}

/** The coordinates of keys and values: the query's own, its head axis divided among the key heads. */
function keyHeads(context: Context, op: AttendOp, heads: Coordinates): Coordinates {
  const { group } = op;
  if (group === undefined) return heads;
  const ratio = divide(context.extent(group.query), context.extent(group.key));
  const head = heads.get(group.query);
  invariant(head !== undefined, "lowering: a grouped attention has a head axis");
  const result = new Map(heads);
  result.delete(group.query);
  result.set(group.key, divideIndex(context, head, ratio).quotient);
  return result;
}

interface Declared extends Running {
  readonly statements: readonly Statement[];
}

/** The running maximum, sum and output of the task's rows; a sink is a key of value 0. */
function declareRunning(
  context: Context,
  op: AttendOp,
  schedule: Schedule,
  sink: ValueId | undefined,
  heads: Coordinates,
): Declared {
  const width = asConstant(context.extent(op.value));
  invariant(width !== undefined, "lowering: the values of an attention have constant width");
  const names = {
    maximum: context.fresh("maximum"),
    sum: context.fresh("sum"),
    output: context.fresh("output"),
    width,
  };
  const rows = schedule.queries;
  const first = sink === undefined ? build.real(lowest) : read(context, sink, heads);
  const statements = [
    declareTile(names.maximum, rows, 1, first),
    declareTile(names.sum, rows, 1, sink === undefined ? 0 : 1),
    ...(op.result === "output" ? [declareTile(names.output, rows, width, 0)] : []),
  ];
  return { ...names, statements };
}

function storeResult(
  context: Context,
  region: Region,
  op: AttendOp,
  running: Running,
  schedule: Schedule,
  place: (row: Expr) => Coordinates,
  guard: ((row: Expr) => Expr) | undefined,
): readonly Statement[] {
  const rows = schedule.queries;
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const total = build.element(running.sum);
  const seen = build.less(0, total);
  const raw =
    op.result === "log_sum_exp"
      ? build.add(build.element(running.maximum), build.call("log", total))
      : op.normalize === "softmax"
        ? build.divide(build.element(running.output), build.select(seen, total, 1))
        : build.element(running.output);
  const at = (r: Expr, c: Expr): Coordinates =>
    op.result === "log_sum_exp"
      ? place(r)
      : new Map([...place(r), ...valuePlace(context, op.value, c)]);
  const here = at(build.variable(row), build.variable(column));
  const known = new Map([[region.root, raw]]);
  const value = compute(context, region.result, here, known);
  const width = op.result === "log_sum_exp" ? 1 : running.width;
  const [result, storeRow, storeColumn] = [
    context.fresh("result"),
    context.fresh("row"),
    context.fresh("column"),
  ];
  const target = at(build.variable(storeRow), build.variable(storeColumn));
  const store = storeTo(context, region.store, target, build.element(result));
  const inside = guard?.(build.variable(storeRow));
  return [
    declareTile(result, rows, width, value, row, column),
    tileEach(
      result,
      storeRow,
      storeColumn,
      inside === undefined ? [store] : [when(inside, [store])],
    ),
  ];
}

function valuePlace(context: Context, axis: AxisName, column: Expr): Coordinates {
  return new Map([[axis, affineOf({ key: "value", expr: column, extent: context.extent(axis) })]]);
}
