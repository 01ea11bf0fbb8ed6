/**
 * Copies a matrix into group memory, all invocations of the group together: sixteen bytes at a time
 * where it lies so in a buffer of the same element, asynchronously; element by element, with whatever
 * is computed in its place, otherwise.
 */

import * as build from "../build.ts";
import type { Expr, MemoryElement, Statement } from "../kernel.ts";
import { pieceLength } from "../memory.ts";
import { copyAsync, loop, storeArray, when } from "../statements.ts";
import type { Context } from "./context.ts";

/** A matrix and where it goes: rows of `columns` elements, one after another. */
export interface Staged {
  readonly array: string;
  readonly element: MemoryElement;
  /** Where its first element goes. */
  readonly start: Expr;
  readonly rows: number;
  readonly columns: number;
  /** Its element; asked for existing rows and columns only. */
  readonly value: (row: Expr, column: Expr) => Expr;
  /** How many rows and columns exist, where that may be fewer; the others are zeros. */
  readonly rowLimit?: Expr;
  readonly columnLimit?: Expr;
  /** Whether `columnLimit` never cuts through sixteen bytes. */
  readonly wholePieces: boolean;
}

/** The statements that copy `staged` with `invocations` invocations. */
export function stage(context: Context, staged: Staged, invocations: number): readonly Statement[] {
  const length = pieceLength(staged.element);
  const piece = staged.wholePieces ? pieceOf(context, staged, length) : undefined;
  if (piece === undefined) return share(context, staged, invocations, 1, element);
  return share(context, staged, invocations, length, piece);

  function element(row: Expr, column: Expr): Statement {
    const [lastRow, lastColumn] = [staged.rowLimit, staged.columnLimit].map((limit) =>
      limit === undefined ? undefined : build.subtract(limit, 1),
    );
    const clamped = (index: Expr, last: Expr | undefined): Expr =>
      last === undefined ? index : build.minimum(index, last);
    const value = staged.value(clamped(row, lastRow), clamped(column, lastColumn));
    const exists = existing(staged, row, column);
    const stored = exists === undefined ? value : build.select(exists, value, 0);
    return storeArray(staged.array, placeOf(staged, row, column), stored);
  }
}

/** Gives each invocation its share of the pieces. */
function share(
  context: Context,
  { rows, columns }: Staged,
  invocations: number,
  length: number,
  body: (row: Expr, column: Expr) => Statement,
): readonly Statement[] {
  const perRow = columns / length;
  const count = rows * perRow;
  const round = context.fresh("round");
  const index = build.add(build.multiply(build.variable(round), invocations), build.invocation);
  const column = build.multiply(build.remainder(index, perRow), length);
  const one = body(build.quotient(index, perRow), column);
  const guarded = count % invocations === 0 ? one : when(build.less(index, count), [one]);
  return [loop(round, 0, Math.ceil(count / invocations), [guarded])];
}

/** How a piece is copied, if the matrix lies in memory so. */
function pieceOf(
  context: Context,
  staged: Staged,
  length: number,
): ((row: Expr, column: Expr) => Statement) | undefined {
  const row = build.variable(context.fresh("row"));
  const column = build.variable(context.fresh("piece"));
  const at = (offset: number): Expr =>
    staged.value(row, build.add(build.multiply(column, length), offset));
  const first = at(0);
  if (first.kind !== "load") return undefined;
  const { buffer, index } = first;
  if (context.elementOf(buffer) !== staged.element || !isMultiple(index, length)) return undefined;
  for (let offset = 1; offset < length; offset++) {
    const next = at(offset);
    if (next.kind !== "load" || next.buffer !== buffer) return undefined;
    if (build.keyOf(next.index) !== build.keyOf(build.add(index, offset))) return undefined;
  }
  return (atRow, atColumn) => {
    const source = staged.value(atRow, atColumn);
    const from = source.kind === "load" ? source.index : index;
    const valid = existing(staged, atRow, atColumn) ?? build.boolean(true);
    return copyAsync(staged.array, placeOf(staged, atRow, atColumn), buffer, from, valid);
  };
}

function placeOf({ start, columns }: Staged, row: Expr, column: Expr): Expr {
  return build.add(start, build.add(build.multiply(row, columns), column));
}

function existing({ rowLimit, columnLimit }: Staged, row: Expr, column: Expr): Expr | undefined {
  const tests = [
    ...(rowLimit === undefined ? [] : [build.less(row, rowLimit)]),
    ...(columnLimit === undefined ? [] : [build.less(column, columnLimit)]),
  ];
  return tests.length === 0 ? undefined : build.and(...tests);
}

/** Whether an index is a multiple of a power of two, whatever its variables. */
function isMultiple(index: Expr, of: number): boolean {
  if (index.kind === "const") return index.value % of === 0;
  if (index.kind !== "binary") return false;
  const { operator, left, right } = index;
  if (operator === "add" || operator === "subtract") {
    return isMultiple(left, of) && isMultiple(right, of);
  }
  if (operator !== "multiply") return false;
  if (isMultiple(left, of) || isMultiple(right, of)) return true;
  if (right.kind !== "const") return false;
  let factor = right.value;
  let rest = of;
  while (rest > 1 && factor % 2 === 0) [factor, rest] = [factor / 2, rest / 2];
  return isMultiple(left, rest);
}
