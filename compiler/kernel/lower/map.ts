/**
 * Elementwise regions, copies and gathers: each element of the result is computed where it is stored.
 * The trailing axes of constant size are one run of columns, so that lanes find consecutive elements.
 */

import { makesItsResult, type Region } from "../../fusion/region.ts";
import { nodeAt } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { asConstant, constant, multiply, productOf } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { loop, tile as declareTile, tileEach } from "../statements.ts";
import { affineOf } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { compute, read, unflatten } from "./read.ts";
import { commentOf, regionName } from "./name.ts";
import { finish, type Lowered, type Schedule } from "./schedule.ts";
import { storeTo, storedAxes } from "./store.ts";

const widest = 16;

/** Lowers a region without a root of its own. */
export function lowerMap(context: Context, region: Region, schedule: Schedule): Lowered {
  const { type } = nodeAt(context.graph, region.result);
  const [outer, inner] = splitAxes(context, storedAxes(context, region.store));
  const columns = productOf(inner.map((axis) => context.extent(axis)));
  const count = asConstant(columns) ?? 1;
  const rows = productOf(outer.map((axis) => context.extent(axis)));
  const width = type.element === "float" ? widthFor(count, schedule) : 1;
  const strips = schedule.target.family === "cpu" ? 1 : Math.ceil(count / width);
  const tasks = multiply(rows, constant(strips));
  const flops = constant(0);
  const name = regionName(context, region);
  const valueAt = makesItsResult(region) ? compute : read;
  return finish(context, schedule, name, commentOf(context, region), tasks, flops, (task) => {
    const row = build.quotient(task, build.int(strips));
    const rowBase = { key: "row", expr: row, extent: rows };
    const strip = (start: Expr): readonly Statement[] => {
      const at = (column: Expr): Coordinates => {
        const flat = { key: "column", expr: build.add(start, column), extent: columns };
        return new Map([
          ...unflatten(context, outer, affineOf(rowBase)),
          ...unflatten(context, inner, affineOf(flat)),
        ]);
      };
      if (width === 1) {
        const place = at(build.int(0));
        return [storeTo(context, region.store, place, valueAt(context, region.result, place))];
      }
      const column = context.fresh("column");
      const place = at(build.variable(column));
      const [tile, line, again] = [
        context.fresh("tile"),
        context.fresh("line"),
        context.fresh("line"),
      ];
      const value = valueAt(context, region.result, place);
      const each = context.fresh("column");
      const target = at(build.variable(each));
      const stored = storeTo(context, region.store, target, build.element(tile));
      return [
        declareTile(tile, 1, width, value, line, column),
        tileEach(tile, again, each, [stored]),
      ];
    };
    if (schedule.target.family !== "cpu") {
      const start = build.multiply(build.remainder(task, build.int(strips)), build.int(width));
      return strip(start);
    }
    if (count === width) return strip(build.int(0));
    const start = context.fresh("start");
    return [loop(start, 0, count, strip(build.variable(start)), width)];
  });
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
