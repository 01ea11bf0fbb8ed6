/**
 * Operations along one axis that are no reductions: running sums, the largest few, sorting. One task
 * a row, plain loops; sorting has one an element. `top` looks for the next largest after the last one
 * found; `sort` gives each element the number of elements before it.
 */

import type { Region } from "../../fusion/region.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { type Dimension, multiply } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { assign, loop, mutable, when } from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { extentOf, read, unflatten } from "./read.ts";
import { ordered } from "./map-function.ts";
import { commentOf, regionName } from "./name.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo } from "./store.ts";

/** Lowers a region whose root is a `cumulative`, `top` or `sort`; such a region has no epilogue. */
export function lowerScan(context: Context, region: Region, schedule: Schedule): Lowered {
  const node = nodeAt(context.graph, region.root);
  const op = node.op;
  invariant(op.kind === "cumulative" || op.kind === "top" || op.kind === "sort", "a scan");
  const [source] = node.args;
  invariant(source !== undefined, "lowering: a scan has an argument");
  const outer = nodeAt(context.graph, source).type.axes.filter((axis) => axis !== op.axis);
  const rows = extentOf(context, outer);
  const length = context.extent(op.axis);
  const into = op.kind === "top" ? op.into : op.axis;
  const name = regionName(context, region);
  const tasks = op.kind === "sort" ? multiply(rows, length) : rows;
  return finish(
    context,
    schedule,
    name,
    commentOf(context, region),
    tasks,
    multiply(tasks, length),
    (task) => {
      const number = op.kind === "sort" ? build.quotient(task, context.size(length)) : task;
      const row = unflatten(context, outer, affineOf({ key: "row", expr: number, extent: rows }));
      const along = (axis: AxisName, index: Expr, extent: Dimension): Coordinates =>
        new Map([...row, [axis, affineOf({ key: context.fresh("i"), expr: index, extent })]]);
      const line: Line = {
        length: context.size(length),
        value: (index) => ordered(read(context, source, along(op.axis, index, length))),
        store: (index, value) =>
          storeTo(context, region.store, along(into, index, context.extent(into)), value),
      };
      if (op.kind === "cumulative") return cumulative(context, line);
      if (op.kind === "top") {
        return top(context, line, context.size(context.extent(op.into)), op.result);
      }
      return sort(context, line, build.remainder(task, context.size(length)), op.result);
    },
  );
}

interface Line {
  readonly length: Expr;
  readonly value: (index: Expr) => Expr;
  readonly store: (index: Expr, value: Expr) => Statement;
}

function cumulative(context: Context, line: Line): readonly Statement[] {
  const [sum, index] = [context.fresh("sum"), context.fresh("i")];
  const i = build.variable(index);
  const each = line.value(i);
  const total = build.variable(sum, each.type);
  return [
    mutable(sum, build.zeroOf(each.type)),
    loop(index, 0, line.length, [assign(sum, build.add(total, each)), line.store(i, total)]),
  ];
}

function top(
  context: Context,
  line: Line,
  count: Expr,
  result: "values" | "indices",
): readonly Statement[] {
  const names = ["j", "i", "best", "place", "last", "last_place"].map((name) =>
    context.fresh(name),
  );
  const [j = "", i = "", best = "", place = "", last = "", lastPlace = ""] = names;
  const index = build.variable(i);
  const each = line.value(index);
  const [bestValue, lastValue] = [build.variable(best, each.type), build.variable(last, each.type)];
  const [placeValue, lastIndex] = [build.variable(place), build.variable(lastPlace)];
  const first = build.equal(build.variable(j), 0);
  const after = build.or(
    build.less(each, lastValue),
    build.and(build.equal(each, lastValue), build.less(lastIndex, index)),
  );
  const better = build.or(build.less(placeValue, 0), build.less(bestValue, each));
  const take = build.and(build.or(first, after), better);
  const zero = build.zeroOf(each.type);
  return [
    mutable(last, zero),
    mutable(lastPlace, build.int(-1)),
    loop(j, 0, count, [
      mutable(best, zero),
      mutable(place, build.int(-1)),
      loop(i, 0, line.length, [when(take, [assign(best, each), assign(place, index)])]),
      assign(last, bestValue),
      assign(lastPlace, placeValue),
      line.store(build.variable(j), result === "values" ? bestValue : placeValue),
    ]),
  ];
}

/** Puts the element at `index` in its place. */
function sort(
  context: Context,
  line: Line,
  index: Expr,
  result: "values" | "indices",
): readonly Statement[] {
  const [j, rank] = [context.fresh("j"), context.fresh("rank")];
  const other = build.variable(j);
  const [mine, theirs] = [line.value(index), line.value(other)];
  const before = build.or(
    build.less(theirs, mine),
    build.and(build.equal(theirs, mine), build.less(other, index)),
  );
  const next = build.add(build.variable(rank), 1);
  return [
    mutable(rank, build.int(0)),
    loop(j, 0, line.length, [when(before, [assign(rank, next)])]),
    line.store(build.variable(rank), result === "values" ? mine : index),
  ];
}
