/** What is a multiple of a number for sure, whatever the sizes. */

import type { Expr, Kernel } from "../kernel/kernel.ts";
import { visitBody } from "../kernel/rewrite.ts";

/** By scalar of a kernel, a number that divides it. */
export function factorsOf({ scalars, factors }: Kernel): ReadonlyMap<string, number> {
  return new Map(scalars.map((name, index) => [name, factors?.[index] ?? 1]));
}

/** Says whether an index of a kernel is a multiple of a number. */
export function multiplesIn(kernel: Kernel): (index: Expr, of: number) => boolean {
  const factors = factorsOf(kernel);
  const values = new Map<string, readonly Expr[]>();
  visitBody(kernel.body, (each) => {
    if (each.kind === "let") values.set(each.name, [each.value]);
    if (each.kind === "for") values.set(each.variable, [each.from, each.step]);
  });
  const isMultiple = (expr: Expr, of: number): boolean => {
    if (of === 1) return true;
    switch (expr.kind) {
      case "const":
        return expr.value % of === 0;
      case "var":
        return (
          values.get(expr.name)?.every((each) => isMultiple(each, of)) ??
          (factors.get(expr.name) ?? 1) % of === 0
        );
      case "binary": {
        const { operator, left, right } = expr;
        if (operator === "add" || operator === "subtract") {
          return isMultiple(left, of) && isMultiple(right, of);
        }
        if (right.kind !== "const") {
          return operator === "multiply" && (isMultiple(left, of) || isMultiple(right, of));
        }
        const factor = operator === "shift_left" ? 2 ** right.value : right.value;
        if (operator !== "multiply" && operator !== "shift_left") return false;
        return isMultiple(left, of / greatestCommonDivisor(of, factor));
      }
      default:
        return false;
    }
  };
  return isMultiple;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
