/**
 * Sums of a product, of four f32 each, as one instruction of relaxed SIMD. It rounds once where two
 * instructions round twice, and takes one of the processor's turns instead of two.
 */

import type { Expr } from "../../kernel/kernel.ts";
import type { InstructionName } from "./instructions.ts";

/** An instruction of three operands. */
export interface Fused {
  readonly name: InstructionName;
  readonly operands: readonly [factor: Expr, factor: Expr, addend: Expr];
}

/** `a b + c`, `c + a b` and `c - a b` as one instruction; undefined for all else. */
export function fusedOf({
  operator,
  left,
  right,
}: Extract<Expr, { kind: "binary" }>): Fused | undefined {
  if (operator === "add") {
    const name = "f32x4.relaxed_madd";
    if (isProduct(left)) return { name, operands: [left.left, left.right, right] };
    if (isProduct(right)) return { name, operands: [right.left, right.right, left] };
  }
  if (operator === "subtract" && isProduct(right)) {
    return { name: "f32x4.relaxed_nmadd", operands: [right.left, right.right, left] };
  }
  return undefined;
}

function isProduct(expr: Expr): expr is Extract<Expr, { kind: "binary" }> {
  const { scalar, lanes } = expr.type;
  return expr.kind === "binary" && expr.operator === "multiply" && scalar === "f32" && lanes === 4;
}
