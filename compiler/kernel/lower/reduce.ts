/**
 * Reductions over axes: sums, means, extremes and the place of the largest (`reduce-place.ts`). Each
 * result is one task (or, on a GPU, a group: `reduce-group.ts`), which walks the reduced elements four
 * at a time; a mean divides once at the end.
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
} from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { extentOf, compute, read, unflatten } from "./read.ts";
import { commentOf, regionName } from "./name.ts";
import { lowest, reduceInGroup, type Row, sharesRow } from "./reduce-group.ts";
import { placeInGroup, searchFor, walkForPlace } from "./reduce-place.ts";
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
  const accesses = (task: Expr): Row => {
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
  const { target } = schedule;
  const search = searchFor(op.fn, type.element === "float" ? build.f32 : build.i32);
  const shares = search === undefined ? target.family === "gpu" : target.family !== "cpu";
  if (type.element === "float" && shares && sharesRow(target, length)) {
    const row = accesses(build.group);
    // One row of a whole vocabulary is all that there is to do: as many as can look through it.
    const invocations = op.fn === "greedy" ? target.invocations : schedule.invocations;
    const { arrays, body } =
      search === undefined
        ? reduceInGroup(context, op, invocations, length, row)
        : placeInGroup(context, search, invocations, length, row);
    const work = { groups: rows, flops };
    return finishGroups(
      context,
      { ...schedule, invocations },
      { name, comment },
      arrays,
      work,
      body,
    );
  }
  return finish(context, schedule, name, comment, rows, flops, (task) => {
    const row = accesses(task);
    if (search !== undefined) return walkForPlace(context, search, length, row);
    return (type.element === "float" ? inLanes : walk)(context, op, length, row);
  });
}

/** One element after another: for integers. */
function walk(
  context: Context,
  { fn }: OpOf<"reduce">,
  length: Dimension,
  { value, store }: Row,
): readonly Statement[] {
  const [best, index] = [context.fresh("best"), context.fresh("i")];
  const current = build.variable(best);
  const each = value(build.variable(index));
  const adds = fn === "sum" || fn === "mean";
  const next = adds
    ? build.add(current, each)
    : fn === "min"
      ? build.minimum(current, each)
      : build.maximum(current, each);
  const start = adds ? 0 : fn === "min" ? 2147483647 : -2147483648;
  return [
    mutable(best, build.int(start)),
    loop(index, 0, context.size(length), [assign(best, next)]),
    store(current),
  ];
}

/** Floats, four at a time. */
function inLanes(
  context: Context,
  op: OpOf<"reduce">,
  length: Dimension,
  { value, store }: Row,
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
