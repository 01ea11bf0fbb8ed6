/**
 * Reductions over axes: sums, means, extremes and the place of the largest. Each result is one task
 * (or, on a GPU, a group: `reduce-group.ts`), which walks the reduced elements four at a time; a mean divides once at the end.
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt } from "../../graph/graph.ts";
import { asConstant, type Dimension, multiply } from "../../op/dimension.ts";
import type { OpOf } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import {
  assign,
  loop,
  mutable,
  tile as declareTile,
  tileAssign,
  tileEach,
  tileReduce,
  when,
} from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { extentOf, compute, read, unflatten } from "./read.ts";
import { commentOf, regionName } from "./name.ts";
import { lowest, reduceInGroup, sharesRow } from "./reduce-group.ts";
import { finish, finishGroups, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo } from "./store.ts";

const lanes = 4;

/** Lowers a region whose root is a `reduce`. */
export function lowerReduce(context: Context, region: Region, schedule: Schedule): Lowered {
  const node = nodeAt(context.graph, region.root);
  invariant(node.op.kind === "reduce", "lowering: a reduction");
  const [source] = node.args;
  invariant(source !== undefined, "lowering: a reduction has an argument");
  const op = node.op;
  const rows = extentOf(context, node.type.axes);
  const type = nodeAt(context.graph, source).type;
  // In storage order, so that consecutive indices are consecutive in memory.
  const over = type.axes.filter((axis) => op.over.includes(axis));
  const length = extentOf(context, over);
  const flops = multiply(rows, length);
  const name = regionName(context, region);
  const comment = commentOf(context, region);
  const accesses = (task: Expr): RowAccess => {
    const outer = unflatten(
      context,
      node.type.axes,
      affineOf({ key: "row", expr: task, extent: rows }),
    );
    const at = (index: Expr): Coordinates =>
      new Map([
        ...outer,
        ...unflatten(context, over, affineOf({ key: "inner", expr: index, extent: length })),
      ]);
    const value = (index: Expr): Expr => read(context, source, at(index));
    const store = (result: Expr): Statement =>
      storeTo(
        context,
        region.store,
        outer,
        compute(context, region.result, outer, new Map([[region.root, result]])),
      );
    return { value, store };
  };
  if (type.element === "float" && sharesRow(schedule, length)) {
    const row = { ...accesses(build.group), start: build.real(lowest) };
    const { arrays, body } = reduceInGroup(context, op, schedule, length, row);
    return finishGroups(
      context,
      schedule,
      { name, comment },
      arrays,
      { groups: rows, flops },
      body,
    );
  }
  return finish(context, schedule, name, comment, rows, flops, (task) => {
    const { value, store } = accesses(task);
    const single = op.fn === "argmax" || type.element !== "float";
    return (single ? walk : inLanes)(context, op, length, value, store);
  });
}

/** The elements of a row, and where its result goes. */
interface RowAccess {
  readonly value: (index: Expr) => Expr;
  readonly store: (result: Expr) => Statement;
}

/** One element after another: for `argmax` and for integers. */
function walk(
  context: Context,
  op: OpOf<"reduce">,
  length: Dimension,
  value: (index: Expr) => Expr,
  store: (result: Expr) => Statement,
): readonly Statement[] {
  const [best, place, index] = [context.fresh("best"), context.fresh("place"), context.fresh("i")];
  const i = build.variable(index);
  const each = value(i);
  const current = build.variable(best, each.type);
  const where = build.variable(place);
  const start = build.constant(each.type, startOf(op, each.type.scalar === "f32"));
  const step = (): readonly Statement[] => {
    switch (op.fn) {
      case "sum":
      case "mean":
        return [assign(best, build.add(current, each))];
      case "max":
        return [assign(best, build.maximum(current, each))];
      case "min":
        return [assign(best, build.minimum(current, each))];
      case "argmax": {
        const first = build.equal(i, 0);
        const better = build.or(first, build.less(current, each));
        return [when(better, [assign(best, each), assign(place, i)])];
      }
    }
  };
  const result = op.fn === "argmax" ? where : current;
  return [
    mutable(best, start),
    mutable(place, build.int(0)),
    loop(index, 0, context.size(length), step()),
    store(result),
  ];
}

function startOf(op: OpOf<"reduce">, real: boolean): number {
  if (op.fn === "sum" || op.fn === "mean") return 0;
  const least = real ? lowest : -2147483648;
  return op.fn === "min" ? (real ? -lowest : 2147483647) : least;
}

function inLanes(
  context: Context,
  op: OpOf<"reduce">,
  length: Dimension,
  value: (index: Expr) => Expr,
  store: (result: Expr) => Statement,
): readonly Statement[] {
  const [partial, total, index, rest] = [
    context.fresh("partial"),
    context.fresh("total"),
    context.fresh("i"),
    context.fresh("i"),
  ];
  const adds = op.fn === "sum" || op.fn === "mean";
  // The least of values is minus the largest of their negatives.
  const signed = (each: Expr): Expr => (op.fn === "min" ? build.negate(each) : each);
  const combine = (a: Expr, b: Expr): Expr => (adds ? build.add(a, b) : build.maximum(a, b));
  const start = build.real(adds ? 0 : lowest);
  const size = context.size(length);
  const whole = build.multiply(build.quotient(size, lanes), lanes);
  const column = context.fresh("column");
  const place = build.add(build.variable(index), build.variable(column));
  const step = combine(build.element(partial), signed(value(place)));
  const remainder = combine(build.element(total), signed(value(build.variable(rest))));
  const constantLength = asConstant(length);
  const even = constantLength !== undefined && constantLength % lanes === 0;
  const sum = signed(build.element(total));
  const result =
    op.fn === "mean" ? build.divide(sum, build.maximum(build.cast(size, build.f32), 1)) : sum;
  return [
    declareTile(partial, 1, lanes, start),
    loop(index, 0, whole, [tileAssign(partial, step, context.fresh("row"), column)], lanes),
    tileReduce(total, partial, adds ? "sum" : "max"),
    ...(even
      ? []
      : [
          loop(rest, whole, size, [
            tileAssign(total, remainder, context.fresh("row"), context.fresh("column")),
          ]),
        ]),
    tileEach(total, context.fresh("row"), context.fresh("column"), [store(result)]),
  ];
}
