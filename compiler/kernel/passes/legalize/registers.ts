/** The registers of a tile: which variable, and which lane of it, holds which element. */

import { invariant } from "../../../../grammar/invariant.ts";
import { lane, variable } from "../../build.ts";
import type { Expr } from "../../kernel.ts";
import { f32, f32x4 } from "../../kernel.ts";
import type { Names } from "../names.ts";
import type { Orientation } from "./layout.ts";

const laneIndices = [0, 1, 2, 3] as const;

/** The number of a lane. */
export type LaneIndex = (typeof laneIndices)[number];

/** A tile whose elements have places. Cells are numbered row by row. */
export interface Registers {
  readonly rows: number;
  readonly columns: number;
  readonly orientation: Orientation;
  readonly cells: readonly string[];
}

/** How many elements along rows and columns one cell holds. */
export function cellExtents(orientation: Orientation): readonly [number, number] {
  if (orientation === "columns") return [1, 4];
  return orientation === "rows" ? [4, 1] : [1, 1];
}

/** Registers for a tile, with fresh names made from `name`. */
export function allocate(
  name: string,
  rows: number,
  columns: number,
  orientation: Orientation,
  names: Names,
): Registers {
  const [height, width] = cellExtents(orientation);
  const [down, across] = [rows / height, columns / width];
  const cells = Array.from({ length: down * across }, (_, index) => {
    if (down * across === 1) return names.fresh(`${name}_value`);
    const [i, j] = [Math.floor(index / across), index % across];
    if (down === 1) return names.fresh(`${name}_${j}`);
    return names.fresh(across === 1 ? `${name}_${i}` : `${name}_${i}_${j}`);
  });
  return { rows, columns, orientation, cells };
}

/** The first element of each cell, in the order of `cells`. */
export function origins({
  rows,
  columns,
  orientation,
}: Registers): readonly (readonly [number, number])[] {
  const [height, width] = cellExtents(orientation);
  const found: (readonly [number, number])[] = [];
  for (let i = 0; i < rows; i += height) {
    for (let j = 0; j < columns; j += width) found.push([i, j]);
  }
  return found;
}

/** The variable that holds the element at (i, j), four of them where cells have four lanes. */
export function cellAt(registers: Registers, i: number, j: number): Expr {
  const [height, width] = cellExtents(registers.orientation);
  const across = registers.columns / width;
  const name = registers.cells[Math.floor(i / height) * across + Math.floor(j / width)];
  if (name === undefined) invariant(false, `legalize: no register for element (${i}, ${j})`);
  return variable(name, registers.orientation === "scalars" ? f32 : f32x4);
}

/** The element at (i, j) as a scalar; extents of 1 repeat. */
export function elementAt(registers: Registers, i: number, j: number): Expr {
  const row = registers.rows === 1 ? 0 : i;
  const column = registers.columns === 1 ? 0 : j;
  const cell = cellAt(registers, row, column);
  if (registers.orientation === "scalars") return cell;
  return lane(cell, laneOf(registers.orientation === "columns" ? column : row));
}

/** `index` modulo four, as the number of a lane. */
export function laneOf(index: number): LaneIndex {
  const found = laneIndices[index % 4];
  if (found === undefined) invariant(false, `legalize: lane ${index}`);
  return found;
}
