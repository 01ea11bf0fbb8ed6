/** Recognises four sums over the lanes of four registers, which shuffles compute together. */

import type { Expr } from "../../kernel/kernel.ts";

type Variable = Extract<Expr, { kind: "var" }>;

/** If each item is `(v.0 + v.2) + (v.1 + v.3)` of a variable, those four variables. */
export function sumsOfLanes(
  expr: Extract<Expr, { kind: "vector" }>,
): readonly [Expr, Expr, Expr, Expr] | undefined {
  const [a, b, c, d] = expr.items.map(summed);
  if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined;
  return [a, b, c, d];
}

function summed(expr: Expr): Variable | undefined {
  if (expr.kind !== "binary" || expr.operator !== "add") return undefined;
  const evens = pair(expr.left, 0, 2);
  const odds = pair(expr.right, 1, 3);
  return evens !== undefined && evens.name === odds?.name ? evens : undefined;
}

function pair(expr: Expr, first: number, second: number): Variable | undefined {
  if (expr.kind !== "binary" || expr.operator !== "add") return undefined;
  const [left, right] = [laneOf(expr.left, first), laneOf(expr.right, second)];
  return left !== undefined && left.name === right?.name ? left : undefined;
}

function laneOf(expr: Expr, index: number): Variable | undefined {
  if (expr.kind !== "lane" || expr.index !== index || expr.type.scalar !== "f32") return undefined;
  return expr.operand.kind === "var" ? expr.operand : undefined;
}
