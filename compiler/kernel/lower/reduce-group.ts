/**
 * Reductions of long rows on a GPU: a group walks through one row, neighbours at neighbouring
 * elements, and what they have is added up (or compared) across the group, always in the same order.
 */

import { asConstant, type Dimension } from "../../op/dimension.ts";
import type { OpOf } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import { across, assign, loop, mutable, when } from "../statements.ts";
import type { Target } from "../target.ts";
import type { Context } from "./context.ts";

/** The finite stand-in for -∞, which WGSL cannot write. */
export const lowest = -3.4028234663852886e38;

/** Rows shorter than this are one invocation's. */
export const long = 128;

/** Whether a group is worth a row of `length` floats. */
export function sharesRow(target: Target, length: Dimension): boolean {
  return target.groupMemory > 0 && (asConstant(length) ?? 0) >= long;
}

/** The group memory of a reduction, and its statements. */
export interface GroupReduction {
  readonly arrays: readonly GroupArray[];
  readonly body: readonly Statement[];
}

/** A row: its elements, and what is done with the result, by one invocation. */
export interface Row {
  readonly value: (index: Expr) => Expr;
  readonly store: (result: Expr) => Statement;
}

/** Reduces the `length` elements of a row. */
export function reduceInGroup(
  context: Context,
  op: OpOf<"reduce">,
  invocations: number,
  length: Dimension,
  { value, store }: Row,
): GroupReduction {
  const size = context.size(length);
  const { statements, result } = groupTotal(context, op, invocations, size, value);
  const body = [...statements, when(build.equal(build.invocation, 0), [store(result)])];
  return { arrays: [], body };
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

/** What a total of `count` elements means. */
export function finished(op: Pick<OpOf<"reduce">, "fn">, total: Expr, count: Expr): Expr {
  if (op.fn === "min") return build.negate(total);
  return op.fn === "mean" ? build.divide(total, count) : total;
}
