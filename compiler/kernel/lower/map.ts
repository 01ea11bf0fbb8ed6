/**
 * Elementwise regions, copies and gathers: each element of a result is computed where it is stored.
 * The trailing axes of constant size are one run of columns, so that lanes find consecutive elements.
 */

import { makesItsResult, type Region, type Result, resultsOf } from "../../fusion/region.ts";
import { nodeAt } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import {
  asConstant,
  constant,
  type Dimension,
  multiply,
  productOf,
  sumOf,
} from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tile as declareTile, tileEach } from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { compute, read, unflatten } from "./read.ts";
import { commentOf, regionName } from "./name.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo, storedAxes } from "./store.ts";
import { overParts } from "./task-parts.ts";

const widest = 16;

/** Lowers a region without a root of its own. */
export function lowerMap(context: Context, region: Region, schedule: Schedule): Lowered {
  const parts = resultsOf(region).map((each) => partOf(context, each, schedule));
  const tasks = sumOf(parts.map((part) => part.tasks));
  const flops = constant(0);
  const name = regionName(context, region);
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) =>
    overParts(
      context,
      parts,
      (part) => part.tasks,
      task,
      (part, own) => taskOf(context, schedule, part, own),
    ),
  );
}

/** How a result is cut: rows, and strips of `width` of its columns. */
interface Part {
  readonly each: Result;
  readonly outer: readonly AxisName[];
  readonly inner: readonly AxisName[];
  readonly rows: Dimension;
  readonly columns: Dimension;
  readonly count: number;
  readonly width: number;
  /** Tasks that share a row. */
  readonly strips: number;
  readonly tasks: Dimension;
}

function partOf(context: Context, each: Result, schedule: Schedule): Part {
  const { type } = nodeAt(context.graph, each.result);
  const [outer, inner] = splitAxes(context, storedAxes(context, each.store));
  const columns = productOf(inner.map((axis) => context.extent(axis)));
  const count = asConstant(columns) ?? 1;
  const rows = productOf(outer.map((axis) => context.extent(axis)));
  const width = type.element === "float" ? widthFor(count, schedule) : 1;
  const strips = schedule.target.family === "cpu" ? 1 : Math.ceil(count / width);
  const tasks = multiply(rows, constant(strips));
  return { each, outer, inner, rows, columns, count, width, strips, tasks };
}

/** What one task does, the `task`-th of its part. */
function taskOf(
  context: Context,
  schedule: Schedule,
  part: Part,
  task: Expr,
): readonly Statement[] {
  const { count, width, strips } = part;
  const row = build.quotient(task, build.int(strips));
  const strip = (start: Expr): readonly Statement[] => stripOf(context, part, row, start);
  if (schedule.target.family !== "cpu") {
    const start = build.multiply(build.remainder(task, build.int(strips)), build.int(width));
    return strip(start);
  }
  if (count === width) return strip(build.int(0));
  const start = context.fresh("start");
  return [loop(start, 0, count, strip(build.variable(start)), width)];
}

/** Computes and stores the columns of a row from `start` on. */
function stripOf(
  context: Context,
  { each: { result, store }, ...part }: Part,
  row: Expr,
  start: Expr,
): readonly Statement[] {
  const rowBase = { key: "row", expr: row, extent: part.rows };
  const at = (column: Expr): Coordinates => {
    const flat = { key: "column", expr: build.add(start, column), extent: part.columns };
    return new Map([
      ...unflatten(context, part.outer, affineOf(rowBase)),
      ...unflatten(context, part.inner, affineOf(flat)),
    ]);
  };
  const valueAt = makesItsResult({ result, store }) ? compute : read;
  if (part.width === 1) {
    const place = at(build.int(0));
    return [storeTo(context, store, place, valueAt(context, result, place))];
  }
  const column = context.fresh("column");
  const place = at(build.variable(column));
  const [tile, line, again] = [context.fresh("tile"), context.fresh("line"), context.fresh("line")];
  const value = valueAt(context, result, place);
  const other = context.fresh("column");
  const target = at(build.variable(other));
  const stored = storeTo(context, store, target, build.element(tile));
  return [
    declareTile(tile, 1, part.width, value, line, column),
    tileEach(tile, again, other, [stored]),
  ];
}

/** Leading axes up to the last one of run-time size, and the constant ones after it. */
function splitAxes(
  context: Context,
  axes: readonly AxisName[],
): readonly [readonly AxisName[], readonly AxisName[]] {
  let cut = axes.length;
  while (cut > 0 && asConstant(context.extent(axes[cut - 1] ?? "")) !== undefined) cut--;
  return [axes.slice(0, cut), axes.slice(cut)];
}

/** The widest strip that divides the columns: no edges. */
function widthFor(count: number, schedule: Schedule): number {
  if (schedule.target.rolled === true) return 1;
  const candidates = schedule.target.family === "cpu" ? [widest, 8, 4] : [4];
  return candidates.find((width) => count % width === 0) ?? 1;
}
