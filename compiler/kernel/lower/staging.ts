/**
 * Brings a matrix into group memory, all invocations of the group together. Where it lies so in a
 * buffer of the same element, sixteen bytes at a time go there asynchronously. Else what is computed
 * in its place goes through registers: it is asked of memory in fours early and kept when it is needed,
 * so that something can be done meanwhile. What does not come in fours is copied element by element.
 */

import * as build from "../build.ts";
import type { Expr, MemoryElement, Statement } from "../kernel.ts";
import { pieceLength } from "../memory.ts";
import { lanesOf } from "../passes/legalize/tile-values.ts";
import { isMultiple } from "../multiples.ts";
import { copyAsync, declare, loop, storeArray, when } from "../statements.ts";
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
  /** What else is to be done with four elements, of piece `piece` of the invocation's: see `piecesOf`. */
  readonly also?: (piece: number, row: Expr, column: Expr) => readonly Statement[];
}

/** The two halves of a copy; between them other things may be done. */
export interface Staging {
  /** Whether the first half does it all, asynchronously. */
  readonly isAsync: boolean;
  readonly ask: readonly Statement[];
  readonly also: readonly Statement[];
  readonly keep: readonly Statement[];
}

/** The statements that copy `staged` with `invocations` invocations. */
export function stage(context: Context, staged: Staged, invocations: number): readonly Statement[] {
  const copy = copyOf(context, staged);
  if (copy !== undefined) return share(context, staged, invocations, true, copy);
  if (!comesInFours(context, staged)) return byElement(context, staged, invocations);
  const round = context.fresh("round");
  const index = build.add(build.multiply(build.variable(round), invocations), build.invocation);
  const isWhole = countOf(staged) % invocations === 0;
  const { ask, keep } = pieceThroughRegisters(context, staged, 0, index, isWhole);
  return [loop(round, 0, piecesOf(staged, invocations), [...ask, ...keep])];
}

/** The same in halves, and with what is `also` to be done. */
export function stageInHalves(context: Context, staged: Staged, invocations: number): Staging {
  const none = { isAsync: false, ask: [], also: [], keep: [] };
  const copy = staged.also === undefined ? copyOf(context, staged) : undefined;
  if (copy !== undefined) {
    return { ...none, isAsync: true, ask: share(context, staged, invocations, true, copy) };
  }
  if (comesInFours(context, staged)) return throughRegisters(context, staged, invocations);
  return { ...none, keep: byElement(context, staged, invocations) };
}

function byElement(context: Context, staged: Staged, invocations: number): readonly Statement[] {
  return share(context, staged, invocations, false, (row, column) =>
    storeArray(staged.array, placeOf(staged, row, column), elementAt(staged, row, column)),
  );
}

/** The pieces of 16 bytes of a matrix. */
function countOf({ rows, columns, element }: Staged): number {
  return (rows * columns) / pieceLength(element);
}

/** How many pieces of 16 bytes each invocation copies: piece `i` is number `i * invocations + own`. */
export function piecesOf(staged: Staged, invocations: number): number {
  return Math.ceil(countOf(staged) / invocations);
}

/** Whether its elements come four at a time. */
export function comesInFours(context: Context, staged: Staged): boolean {
  if (!staged.wholePieces) return false;
  const [row, column] = [build.variable(context.fresh("row")), context.fresh("piece")];
  const start = build.multiply(build.variable(column), pieceLength(staged.element));
  return fourAt(context, staged, row, start).type.lanes === 4;
}

/** The element, or zero where there is none. */
function elementAt(staged: Staged, row: Expr, column: Expr): Expr {
  const value = staged.value(
    clamped(row, staged.rowLimit, 1),
    clamped(column, staged.columnLimit, 1),
  );
  const exists = existing(staged, row, column);
  return exists === undefined ? value : build.select(exists, value, 0);
}

/** Four elements from a column on. */
function fourAt(context: Context, { value }: Staged, row: Expr, column: Expr): Expr {
  const lane = context.fresh("lane");
  return lanesOf(value(row, build.add(column, build.variable(lane))), lane);
}

function throughRegisters(context: Context, staged: Staged, invocations: number): Staging {
  const pieces = Array.from({ length: piecesOf(staged, invocations) }, (_, piece) => {
    const index = build.add(build.int(piece * invocations), build.invocation);
    const isWhole = (piece + 1) * invocations <= countOf(staged);
    return pieceThroughRegisters(context, staged, piece, index, isWhole);
  });
  return {
    isAsync: false,
    ask: pieces.flatMap(({ ask }) => ask),
    also: pieces.flatMap(({ also }) => also),
    keep: pieces.flatMap(({ keep }) => keep),
  };
}

/** Piece `index` of all, `piece` of the invocation's; `isWhole`: it is there for every invocation. */
function pieceThroughRegisters(
  context: Context,
  staged: Staged,
  piece: number,
  index: Expr,
  isWhole: boolean,
): Pick<Staging, "ask" | "also" | "keep"> {
  const length = pieceLength(staged.element);
  const perRow = staged.columns / length;
  const count = countOf(staged);
  const inside = isWhole ? index : build.minimum(index, count - 1);
  const row = build.called("own_row", build.quotient(inside, perRow));
  const start = build.called("own_column", build.multiply(build.remainder(inside, perRow), length));
  const exists = existing(staged, row, start);
  const readRow = clamped(row, staged.rowLimit, 1);
  const readStart = clamped(start, staged.columnLimit, length);
  const [ask, also, keep]: [Statement[], Statement[], Statement[]] = [[], [], []];
  for (let offset = 0; offset < length; offset += 4) {
    const name = context.fresh("staged");
    const four = fourAt(context, staged, readRow, build.add(readStart, offset));
    ask.push(declare(name, exists === undefined ? four : build.select(exists, four, 0)));
    const place = placeOf(staged, row, build.add(start, offset));
    keep.push(storeArray(staged.array, place, build.variable(name, build.f32x4)));
    also.push(...(staged.also?.(piece, readRow, build.add(readStart, offset)) ?? []));
  }
  return {
    ask,
    also: guarded(also, exists),
    keep: guarded(keep, isWhole ? undefined : build.less(index, count)),
  };
}

function guarded(body: readonly Statement[], condition: Expr | undefined): readonly Statement[] {
  return condition === undefined || body.length === 0 ? body : [when(condition, body)];
}

function clamped(index: Expr, limit: Expr | undefined, length: number): Expr {
  return limit === undefined ? index : build.minimum(index, build.subtract(limit, length));
}

/** Gives each invocation its share of the pieces, or elements. */
function share(
  context: Context,
  { rows, columns, element }: Staged,
  invocations: number,
  inPieces: boolean,
  body: (row: Expr, column: Expr) => Statement,
): readonly Statement[] {
  const length = inPieces ? pieceLength(element) : 1;
  const perRow = columns / length;
  const count = rows * perRow;
  const round = context.fresh("round");
  const index = build.add(build.multiply(build.variable(round), invocations), build.invocation);
  const row = build.called("own_row", build.quotient(index, perRow));
  const column = build.multiply(build.remainder(index, perRow), length);
  const one = body(row, build.called("own_column", column));
  const guarded = count % invocations === 0 ? one : when(build.less(index, count), [one]);
  return [loop(round, 0, Math.ceil(count / invocations), [guarded])];
}

/** How a piece is copied asynchronously, if the matrix lies in memory so. */
function copyOf(
  context: Context,
  staged: Staged,
): ((row: Expr, column: Expr) => Statement) | undefined {
  if (!staged.wholePieces) return undefined;
  const length = pieceLength(staged.element);
  const row = build.variable(context.fresh("row"));
  const column = build.variable(context.fresh("piece"));
  const at = (offset: number): Expr =>
    staged.value(row, build.add(build.multiply(column, length), offset));
  const first = at(0);
  if (first.kind !== "load") return undefined;
  const { buffer, index } = first;
  if (
    context.elementOf(buffer) !== staged.element ||
    !isMultiple(index, length, (name, of) => context.factorOf(name) % of === 0)
  )
    return undefined;
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
