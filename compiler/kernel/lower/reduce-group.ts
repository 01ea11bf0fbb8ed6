/**
 * Reductions of long rows on a GPU: a group walks through one row, neighbours at neighbouring
 * elements, and what they have is added up (or compared) across the group, always in the same order.
 */

import { asConstant, type Dimension } from "../../op/dimension.ts";
import type { OpOf } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import {
  across,
  assign,
  barrier,
  declare,
  loop,
  mutable,
  storeArray,
  when,
} from "../statements.ts";
import type { Context } from "./context.ts";
import type { Schedule } from "./schedule.ts";

/** The finite stand-in for -∞, which WGSL cannot write. */
export const lowest = -3.4028234663852886e38;

/** Rows shorter than this are one invocation's. */
export const long = 128;

/** Whether a group is worth a row of `length` floats. */
export function sharesRow({ target }: Schedule, length: Dimension): boolean {
  const count = asConstant(length) ?? 0;
  return target.family === "gpu" && target.groupMemory > 0 && count >= long;
}

/** The group memory of a reduction, and its statements. */
export interface GroupReduction {
  readonly arrays: readonly GroupArray[];
  readonly body: readonly Statement[];
}

/** A row: its elements, what to start from, and what one invocation does with the result. */
export interface Row {
  readonly value: (index: Expr) => Expr;
  readonly start: Expr;
  readonly store: (result: Expr) => Statement;
}

/** Reduces the `length` elements of a row. */
export function reduceInGroup(
  context: Context,
  op: OpOf<"reduce">,
  { invocations }: Schedule,
  length: Dimension,
  { value, start, store }: Row,
): GroupReduction {
  const size = context.size(length);
  if (op.fn !== "argmax") {
    const { statements, result } = groupTotal(context, op, invocations, size, value);
    const body = [...statements, when(build.equal(build.invocation, 0), [store(result)])];
    return { arrays: [], body };
  }
  const bests: GroupArray = { name: context.fresh("bests"), element: "f32", length: invocations };
  const where: GroupArray = { name: context.fresh("where"), element: "i32", length: invocations };
  const [best, place, index] = [context.fresh("best"), context.fresh("place"), context.fresh("i")];
  const current = build.variable(best, build.f32);
  const i = build.variable(index);
  const each = value(i);
  const better = build.or(build.equal(i, build.invocation), build.less(current, each));
  const step = when(better, [assign(best, each), assign(place, i)]);
  const body: Statement[] = [
    mutable(best, start),
    mutable(place, build.int(0)),
    loop(index, build.invocation, size, [step], invocations),
    storeArray(bests.name, build.invocation, current),
    storeArray(where.name, build.invocation, build.variable(place)),
    barrier,
    ...byHalves(invocations, (half) => largerOf(context, bests.name, where.name, half)),
  ];
  const result = build.loadArray(where.name, 0, build.i32);
  body.push(when(build.equal(build.invocation, 0), [store(result)]));
  return { arrays: [bests, where], body };
}

/** A sum, mean or extreme of the `size` elements of a row, which all invocations may read. */
export function groupTotal(
  context: Context,
  op: Pick<OpOf<"reduce">, "fn">,
  invocations: number,
  size: Expr,
  value: (index: Expr) => Expr,
): { readonly statements: readonly Statement[]; readonly result: Expr } {
  const [best, index, total] = [context.fresh("best"), context.fresh("i"), context.fresh("total")];
  const current = build.variable(best, build.f32);
  const i = build.variable(index);
  // The least of values is minus the largest of their negatives.
  const each = op.fn === "min" ? build.negate(value(i)) : value(i);
  const adds = op.fn === "sum" || op.fn === "mean";
  const combine = (a: Expr, b: Expr): Expr => (adds ? build.add(a, b) : build.maximum(a, b));
  const statements: readonly Statement[] = [
    mutable(best, build.real(adds ? 0 : lowest)),
    loop(index, build.invocation, size, [assign(best, combine(current, each))], invocations),
    across(total, current, adds ? "sum" : "max", invocations),
  ];
  const result = finished(op, build.variable(total, build.f32), build.cast(size, build.f32));
  return { statements, result };
}

/** `step` for each half, by the invocations of the lower one. */
function byHalves(
  invocations: number,
  step: (half: number) => readonly Statement[],
): readonly Statement[] {
  const statements: Statement[] = [];
  for (let half = invocations / 2; half >= 1; half /= 2)
    statements.push(when(build.less(build.invocation, half), step(half)), barrier);
  return statements;
}

/** What a total of `count` elements means. */
export function finished(op: Pick<OpOf<"reduce">, "fn">, total: Expr, count: Expr): Expr {
  if (op.fn === "min") return build.negate(total);
  return op.fn === "mean" ? build.divide(total, count) : total;
}

/** Keeps the larger of two values and where it is; of equal ones the first. */
function largerOf(
  context: Context,
  bests: string,
  where: string,
  half: number,
): readonly Statement[] {
  const names = ["own", "other", "own_place", "other_place"].map((name) => context.fresh(name));
  const [own = "", other = "", ownPlace = "", otherPlace = ""] = names;
  const [mine, theirs] = [build.variable(own, build.f32), build.variable(other, build.f32)];
  const [here, there] = [build.variable(ownPlace), build.variable(otherPlace)];
  const beyond = build.add(build.invocation, half);
  const earlier = build.and(build.equal(mine, theirs), build.less(there, here));
  return [
    declare(own, build.loadArray(bests, build.invocation)),
    declare(other, build.loadArray(bests, beyond)),
    declare(ownPlace, build.loadArray(where, build.invocation, build.i32)),
    declare(otherPlace, build.loadArray(where, beyond, build.i32)),
    when(build.or(build.less(mine, theirs), earlier), [
      storeArray(bests, build.invocation, theirs),
      storeArray(where, build.invocation, there),
    ]),
  ];
}
