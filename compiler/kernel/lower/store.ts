/** Storing what a region computes: into a value, some rows of a joined value, or a cache. */

import { invariant } from "../../../grammar/invariant.ts";
import type { Store } from "../../fusion/region.ts";
import { nodeAt } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { store as storeStatement } from "../statements.ts";
import { addressOf } from "./address.ts";
import { fixed, plus } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { shortName } from "./read.ts";

/** The axes of the elements that a region stores: those of the memory, rows of a part as such. */
export function storedAxes(context: Context, store: Store): readonly AxisName[] {
  const { axes } = nodeAt(context.graph, store.value).type;
  const computed = (axis: AxisName): AxisName =>
    store.rows.find((rows) => rows.into === axis)?.axis ?? axis;
  return axes.map(computed);
}

/** The statement that stores `value`, computed at the coordinates `at`. */
export function storeTo(context: Context, store: Store, at: Coordinates, value: Expr): Statement {
  const { type } = nodeAt(context.graph, store.value);
  const place = new Map(at);
  for (const { axis, into, start } of store.rows) {
    const row = at.get(axis);
    invariant(row !== undefined, `lowering: no coordinate for the axis ${axis}`);
    place.set(into, plus(row, fixed(context.dimension(start))));
  }
  const name = "name" in store.target ? shortName(store.target.name) : context.nameOf(store.value);
  const buffer = context.buffer(store.target, type.element, "write", name);
  const stored = type.element === "bool" ? build.cast(value, build.i32) : value;
  return storeStatement(buffer, context.emit(addressOf(context, store.value, place)), stored);
}
