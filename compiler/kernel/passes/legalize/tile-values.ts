/**
 * The value of a tile statement at one element, or at four elements that share a register.
 *
 * For four elements every part is computed once if it does not change along the lanes, as four lanes
 * if the language can (loads must be contiguous), and element by element otherwise.
 */

import { invariant } from "../../../../grammar/invariant.ts";
import * as build from "../../build.ts";
import type { BinaryOperator, Expr } from "../../kernel.ts";
import { mapChildren, substitute } from "../../rewrite.ts";
import { isGroupOf, stepOf } from "./contiguous.ts";
import type { Orientation } from "./layout.ts";
import { cellAt, elementAt, type Registers } from "./registers.ts";

/** The place of a value: a tile statement's names, and the first element. */
export interface Place {
  readonly row: string;
  readonly column: string;
  readonly i: number;
  readonly j: number;
  /** Along which axis four elements are wanted; `scalars` wants one. */
  readonly orientation: Orientation;
  readonly tiles: ReadonlyMap<string, Registers>;
  /** What names declared inside the statement stand for here, lanes included. */
  readonly locals: ReadonlyMap<string, Expr>;
  /** The same names as expressions of row and column. */
  readonly definitions: ReadonlyMap<string, Expr>;
}

/** Operators that have no form for four lanes. */
const scalarOnly: ReadonlySet<BinaryOperator> = new Set([
  "quotient",
  "remainder",
  "floor_divide",
  "floor_remainder",
]);

/** `expr` at `place`: one value, or four lanes; one value for four elements if it is the same. */
export function valueAt(expr: Expr, place: Place): Expr {
  return place.orientation === "scalars" ? scalarAt(expr, place, 0) : lanesAt(expr, place);
}

/** `expr` for the values 0 to 3 of the i32 variable `lane`: four lanes, or one value for all of them. */
export function lanesOf(expr: Expr, lane: string): Expr {
  const nothing = {
    row: "",
    i: 0,
    j: 0,
    tiles: new Map(),
    locals: new Map(),
    definitions: new Map(),
  };
  return lanesAt(expr, { ...nothing, column: lane, orientation: "columns" });
}

/** `expr` at the element that is `offset` lanes away from the place. */
function scalarAt(expr: Expr, place: Place, offset: number): Expr {
  const down = place.orientation === "rows" ? offset : 0;
  const right = place.orientation === "columns" ? offset : 0;
  const visit = (part: Expr): Expr => {
    if (part.kind === "element") {
      return elementAt(registersOf(part.tile, place), place.i + down, place.j + right);
    }
    if (part.kind !== "var") return mapChildren(part, visit);
    if (part.name === place.row) return build.int(place.i + down);
    if (part.name === place.column) return build.int(place.j + right);
    const local = place.locals.get(part.name);
    if (local === undefined) return part;
    return local.type.lanes === 4 && part.type.lanes === 1
      ? build.lane(local, laneIndex(offset))
      : local;
  };
  return visit(expr);
}

function laneIndex(offset: number): 0 | 1 | 2 | 3 {
  invariant(offset === 0 || offset === 1 || offset === 2 || offset === 3, `lane ${offset}`);
  return offset;
}

function registersOf(name: string, place: Place): Registers {
  const found = place.tiles.get(name);
  if (found === undefined) invariant(false, `legalize: tile \`${name}\` is not declared yet`);
  return found;
}

function gather(expr: Expr, place: Place): Expr {
  return build.vector([
    scalarAt(expr, place, 0),
    scalarAt(expr, place, 1),
    scalarAt(expr, place, 2),
    scalarAt(expr, place, 3),
  ]);
}

function lanesAt(expr: Expr, place: Place): Expr {
  switch (expr.kind) {
    case "const":
    case "builtin":
      return expr;
    case "var":
      return expr.name === laneName(place) ? gather(expr, place) : scalarOrLocal(expr, place);
    case "element":
      return elementLanes(expr.tile, expr, place);
    case "load":
    case "load_array":
      return loadLanes(expr, place);
    case "vector":
    case "lane":
    case "splat":
      return gather(expr, place);
    case "binary": {
      if (isGroupOf(expr, laneName(place))) return scalarAt(expr, place, 0);
      const [left, right] = [lanesAt(expr.left, place), lanesAt(expr.right, place)];
      const shifts = expr.operator === "shift_left" || expr.operator === "shift_right";
      const varies = left.type.lanes === 4 || right.type.lanes === 4;
      const amountVaries = shifts && right.type.lanes === 4 && right.kind !== "const";
      if (varies && (scalarOnly.has(expr.operator) || amountVaries)) return gather(expr, place);
      return build.binary(expr.operator, left, right);
    }
    default:
      return mapChildren(expr, (part) => lanesAt(part, place));
  }
}

function laneName(place: Place): string {
  return place.orientation === "columns" ? place.column : place.row;
}

function scalarOrLocal(expr: Extract<Expr, { kind: "var" }>, place: Place): Expr {
  return place.locals.get(expr.name) ?? scalarAt(expr, place, 0);
}

function elementLanes(tile: string, expr: Expr, place: Place): Expr {
  const registers = registersOf(tile, place);
  const { orientation, i, j } = place;
  const extent = orientation === "columns" ? registers.columns : registers.rows;
  if (extent === 1) return elementAt(registers, i, j);
  if (registers.orientation !== orientation) return gather(expr, place);
  return cellAt(registers, registers.rows === 1 ? 0 : i, registers.columns === 1 ? 0 : j);
}

function loadLanes(expr: Extract<Expr, { kind: "load" | "load_array" }>, place: Place): Expr {
  const index = substitute(expr.index, place.definitions);
  const step = stepOf(index, laneName(place));
  if (step === 0 && expr.type.lanes === 1) return { ...expr, index: scalarAt(index, place, 0) };
  if (step !== 1 || expr.type.lanes === 4) return gather(expr, place);
  const type = build.typeOf(expr.type.scalar, 4);
  return { ...expr, type, index: scalarAt(index, place, 0) };
}
