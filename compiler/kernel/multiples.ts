/** What is a multiple of a number for sure, whatever the sizes. */

import type { Expr } from "./kernel.ts";

/** Whether `index` is a multiple of `of`; `variable` says it of variables. */
export function isMultiple(
  index: Expr,
  of: number,
  variable: (name: string, of: number) => boolean,
): boolean {
  if (of === 1) return true;
  switch (index.kind) {
    case "const":
      return index.value % of === 0;
    case "var":
      return variable(index.name, of);
    case "binary": {
      const { operator, left, right } = index;
      if (operator === "add" || operator === "subtract") {
        return isMultiple(left, of, variable) && isMultiple(right, of, variable);
      }
      if (right.kind !== "const") {
        return (
          operator === "multiply" &&
          (isMultiple(left, of, variable) || isMultiple(right, of, variable))
        );
      }
      const factor = operator === "shift_left" ? 2 ** right.value : right.value;
      if (operator !== "multiply" && operator !== "shift_left") return false;
      return isMultiple(left, of / greatestCommonDivisor(of, factor), variable);
    }
    default:
      return false;
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
