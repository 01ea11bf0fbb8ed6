/**
 * Finds memory that a kernel only ever accesses by four elements at multiples of four, so that a
 * language may see it as an array of four lanes.
 */

import * as build from "../kernel/build.ts";
import type { Expr, Kernel } from "../kernel/kernel.ts";
import { multiplesIn } from "./multiples.ts";
import { expressionsOf, visitBody, visitExpr } from "../kernel/rewrite.ts";

/** The names of such buffers and group arrays of `kernel`. */
export function alignedMemory(kernel: Kernel): ReadonlySet<string> {
  const isMultiple = multiplesIn(kernel);
  const aligned = new Set<string>();
  const others = new Set<string>();
  const note = (name: string, lanes: 1 | 4, index: Expr): void => {
    const fits = lanes === 4 && isMultiple(index, 4);
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
