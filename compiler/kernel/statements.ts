/** Constructors of kernel statements; the expressions are in `build.ts`. */

import type { Operand } from "./build.ts";
import { integer, real } from "./build.ts";
import type { AcrossStatement, ArraySlice, Expr, Statement, WarpMath } from "./kernel.ts";

/** Names `value` for the rest of the block. */
export function declare(name: string, value: Expr): Statement {
  return { kind: "let", name, value };
}

/** Declares a variable that `assign` changes. */
export function mutable(name: string, value: Expr): Statement {
  return { kind: "var", name, value };
}

/** Changes a variable. */
export function assign(name: string, value: Expr): Statement {
  return { kind: "assign", name, value };
}

/** Writes `value`, or its four lanes, to `buffer` from `index` on. */
export function store(buffer: string, index: Operand, value: Expr): Statement {
  return { kind: "store", buffer, index: integer(index), value };
}

/** Writes `value`, or its four lanes, to group array `array` from `index` on. */
export function storeArray(array: string, index: Operand, value: Expr): Statement {
  return { kind: "store_array", array, index: integer(index), value };
}

/** `for (variable = from; variable < to; variable += step)`. */
export function loop(
  variable: string,
  from: Operand,
  to: Operand,
  body: readonly Statement[],
  step: Operand = 1,
): Statement {
  const [start, end] = [integer(from), integer(to)];
  return { kind: "for", variable, from: start, to: end, step: integer(step), body };
}

/** Runs `then` if `condition` holds, else `otherwise`. */
export function when(
  condition: Expr,
  then: readonly Statement[],
  otherwise: readonly Statement[] = [],
): Statement {
  return { kind: "if", condition, then, otherwise };
}

/** Waits until all invocations of the group are here; group memory written before is seen after. */
export const barrier: Statement = { kind: "barrier" };

/** Declares `name`: the sum or largest of a value, or of each element of a tile, over invocations. */
export function across(
  name: string,
  of: Expr | string,
  fn: AcrossStatement["fn"],
  sharers: AcrossStatement["sharers"],
): Statement {
  return { kind: "across", name, of, fn, sharers };
}

/** Declares a tile; `row` and `column` are the names that `value` uses. */
export function tile(
  name: string,
  rows: number,
  columns: number,
  value: Operand,
  row: string = `${name}_row`,
  column: string = `${name}_column`,
): Statement {
  const initial = typeof value === "number" ? real(value) : value;
  return { kind: "tile", name, rows, columns, row, column, value: initial };
}

/** Sets each element of a declared tile. */
export function tileAssign(name: string, value: Expr, row: string, column: string): Statement {
  return { kind: "tile_assign", name, row, column, value };
}

/** `target += left · right`. */
export function tileMultiply(target: string, left: string, right: string): Statement {
  return { kind: "tile_multiply", target, left, right };
}

/** `target += left · right` by a warp, over `inner` elements. */
export function warpMultiply(
  target: string,
  left: string | ArraySlice,
  right: ArraySlice,
  inner: number,
  math: WarpMath,
): Statement {
  return { kind: "warp_multiply", target, left, right, inner, math };
}

/** Starts to copy 16 bytes from a buffer to a group array, zeros where `valid` does not hold. */
export function copyAsync(
  array: string,
  index: Operand,
  buffer: string,
  source: Operand,
  valid: Expr,
): Statement {
  return {
    kind: "copy_async",
    ...{ array, index: integer(index), buffer, source: integer(source), valid },
  };
}

/** Puts the copies started since the last commit into one more set. */
export const commitCopies: Statement = { kind: "commit_copies" };

/** Waits until at most the latest `pending` sets of copies are not done. */
export function waitCopies(pending: number): Statement {
  return { kind: "wait_copies", pending };
}

/** Declares `name`, rows × 1: the sum or largest of each row of `source`. */
export function tileReduce(name: string, source: string, fn: "sum" | "max"): Statement {
  return { kind: "tile_reduce", name, source, fn };
}

/** Runs `body` for each element of `tile`'s extents. */
export function tileEach(
  tile: string,
  row: string,
  column: string,
  body: readonly Statement[],
): Statement {
  return { kind: "tile_each", tile, row, column, body };
}
