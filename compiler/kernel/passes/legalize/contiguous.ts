/** How an index moves with a variable. */

import type { Expr } from "../../kernel.ts";
import { someExpr } from "../../rewrite.ts";

/**
 * By how much `index` grows when the i32 variable `name` grows by one within a group of four that
 * starts at a multiple of four, as lanes do: 0 if it does not depend on it, nothing if that is no
 * constant.
 */
export function stepOf(index: Expr, name: string): number | undefined {
  switch (index.kind) {
    case "const":
    case "builtin":
      return 0;
    case "var":
      return index.name === name ? 1 : 0;
    case "binary": {
      const left = stepOf(index.left, name);
      const right = stepOf(index.right, name);
      if (left === 0 && right === 0) return 0;
      if (isDigitOf(index, name)) return index.operator === "quotient" ? 0 : 1;
      if (left === undefined || right === undefined) return undefined;
      if (index.operator === "add") return left + right;
      if (index.operator === "subtract") return left - right;
      if (index.operator !== "multiply") return undefined;
      if (index.right.kind === "const") return left * index.right.value;
      return index.left.kind === "const" ? right * index.left.value : undefined;
    }
    case "call":
      // The smaller of what is the same for four lanes is, too.
      for (const arg of index.args) if (stepOf(arg, name) !== 0) return undefined;
      return 0;
    default:
      return dependsOn(index, name) ? undefined : 0;
  }
}

/** Whether `expr` is the same for all lanes along `name`, for being their number of a group of four. */
export function isGroupOf(expr: Expr, name: string): boolean {
  return expr.kind === "binary" && expr.operator === "quotient" && isDigitOf(expr, name);
}

/** Whether four lanes share their quotient, and have neighbouring remainders. */
function isDigitOf({ operator, left, right }: Extract<Expr, { kind: "binary" }>, name: string) {
  const divides = operator === "quotient" || operator === "remainder";
  const byFours = right.kind === "const" && right.value % 4 === 0;
  return divides && byFours && left.kind === "var" && left.name === name;
}

/** Whether `expr` may differ with the variable `name`; tile elements count as if they did. */
export function dependsOn(expr: Expr, name: string): boolean {
  return someExpr(
    expr,
    (part) => part.kind === "element" || (part.kind === "var" && part.name === name),
  );
}
