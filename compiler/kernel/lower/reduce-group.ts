/**
 * Reductions of long rows on a GPU: a group walks through one row, neighbours at neighbouring
 * elements, and adds up (or compares) what its invocations have by halves, always in the same order.
 */

import { asConstant, type Dimension } from "../../op/dimension.ts";
import type { OpOf } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import { assign, barrier, declare, loop, mutable, storeArray, when } from "../statements.ts";
import type { Context } from "./context.ts";
import type { Schedule } from "./schedule.ts";

/** Rows shorter than this are one invocation's. */
const long = 128;

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
  const places = op.fn === "argmax";
  const bests: GroupArray = { name: context.fresh("bests"), element: "f32", length: invocations };
  const where: GroupArray = { name: context.fresh("where"), element: "i32", length: invocations };
  const [best, place, index] = [context.fresh("best"), context.fresh("place"), context.fresh("i")];
  const current = build.variable(best, build.f32);
  const i = build.variable(index);
  // The least of values is minus the largest of their negatives.
  const each = op.fn === "min" ? build.negate(value(i)) : value(i);
  const adds = op.fn === "sum" || op.fn === "mean";
  const combine = (a: Expr, b: Expr): Expr => (adds ? build.add(a, b) : build.maximum(a, b));
  const step = places
    ? [
        when(build.or(build.equal(i, build.invocation), build.less(current, each)), [
          assign(best, each),
          assign(place, i),
        ]),
      ]
    : [assign(best, combine(current, each))];
  const size = context.size(length);
  const body: Statement[] = [
    mutable(best, start),
    ...(places ? [mutable(place, build.int(0))] : []),
    loop(index, build.invocation, size, step, invocations),
    storeArray(bests.name, build.invocation, current),
    ...(places ? [storeArray(where.name, build.invocation, build.variable(place))] : []),
    barrier,
  ];
  for (let half = invocations / 2; half >= 1; half /= 2) {
    const halving = places
      ? largerOf(context, bests.name, where.name, half)
      : [
          storeArray(
            bests.name,
            build.invocation,
            combine(
              build.loadArray(bests.name, build.invocation),
              build.loadArray(bests.name, build.add(build.invocation, half)),
            ),
          ),
        ];
    body.push(when(build.less(build.invocation, half), halving), barrier);
  }
  const total = build.loadArray(bests.name, 0);
  const result = places
    ? build.loadArray(where.name, 0, build.i32)
    : finished(op, total, build.cast(size, build.f32));
  body.push(when(build.equal(build.invocation, 0), [store(result)]));
  return { arrays: places ? [bests, where] : [bests], body };
}

function finished(op: OpOf<"reduce">, total: Expr, count: Expr): Expr {
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
