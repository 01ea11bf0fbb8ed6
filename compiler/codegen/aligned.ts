/**
 * Finds memory that a kernel only ever accesses by four elements at multiples of four, so that a
 * language may see it as an array of four lanes.
 */

import * as build from "../kernel/build.ts";
import type { Expr, Kernel } from "../kernel/kernel.ts";
import { factorsOf } from "./multiples.ts";
import { expressionsOf, visitBody, visitExpr } from "../kernel/rewrite.ts";

/** The names of such buffers and group arrays of `kernel`. */
export function alignedMemory(kernel: Kernel): ReadonlySet<string> {
  const multiples = multiplesOfFour(kernel);
  const aligned = new Set<string>();
  const others = new Set<string>();
  const note = (name: string, lanes: 1 | 4, index: Expr): void => {
    const fits = lanes === 4 && isMultipleOfFour(index, multiples);
    (fits ? aligned : others).add(name);
  };
  visitBody(kernel.body, (statement) => {
    if (statement.kind === "store" || statement.kind === "store_array") {
      const name = statement.kind === "store" ? statement.buffer : statement.array;
      note(name, statement.value.type.lanes, statement.index);
    }
    // Matrices are loaded from arrays of numbers.
    if (statement.kind === "matrix_store") others.add(statement.array);
    if (statement.kind === "matrix_multiply") {
      for (const { array } of [statement.left, statement.right]) others.add(array);
    }
    for (const expr of expressionsOf(statement)) {
      visitExpr(expr, (part) => {
        if (part.kind === "load") note(part.buffer, part.type.lanes, part.index);
        if (part.kind === "load_array") note(part.array, part.type.lanes, part.index);
      });
    }
  });
  for (const name of others) aligned.delete(name);
  return aligned;
}

/** The index of the four elements that start at `index`, a multiple of four. */
export function quarter(index: Expr): Expr {
  const exact = build.quotient(index, 4);
  const isOpen = exact.kind === "binary" && exact.operator === "quotient";
  return isOpen ? build.shiftRight(index, 2) : exact;
}

/** Scalars and variables that never change and are multiples of four, and such loop variables. */
function multiplesOfFour(kernel: Kernel): ReadonlySet<string> {
  const factors = factorsOf(kernel);
  const found = new Set(kernel.scalars.filter((name) => (factors.get(name) ?? 1) % 4 === 0));
  visitBody(kernel.body, (each) => {
    if (each.kind === "let" && isMultipleOfFour(each.value, found)) found.add(each.name);
    if (each.kind !== "for") return;
    const ends = [each.from, each.step];
    if (ends.every((end) => isMultipleOfFour(end, found))) found.add(each.variable);
  });
  return found;
}

function isMultipleOfFour(expr: Expr, known: ReadonlySet<string>): boolean {
  if (expr.type.scalar !== "i32" || expr.type.lanes !== 1) return false;
  if (expr.kind === "const") return expr.value % 4 === 0;
  if (expr.kind === "var") return known.has(expr.name);
  if (expr.kind !== "binary") return false;
  const { left, right } = expr;
  switch (expr.operator) {
    case "add":
    case "subtract":
      return isMultipleOfFour(left, known) && isMultipleOfFour(right, known);
    case "multiply":
      return isMultipleOfFour(left, known) || isMultipleOfFour(right, known);
    case "shift_left":
      return right.kind === "const" && right.value >= 2;
    default:
      return false;
  }
}
