/**
 * Products of tiles in registers. The form follows from where the factors lie (see `layout.ts`); each
 * form is a list of assignments, each of one multiplication and one sum a lane.
 */

import { invariant } from "../../../../grammar/invariant.ts";
import * as build from "../../build.ts";
import type { Expr, Statement } from "../../kernel.ts";
import { assign } from "../../statements.ts";
import { cellAt, elementAt, origins, type Registers } from "./registers.ts";

/** Statements for `target += left · right` where the target holds sums. */
export function multiplyInto(
  target: Registers,
  left: Registers,
  right: Registers,
): readonly Statement[] {
  if (target.orientation === "scalars") return scalarProducts(target, left, right);
  const out: Statement[] = [];
  for (let k = 0; k < left.columns; k++) {
    for (const [i, j] of origins(target)) {
      const along = target.orientation === "columns";
      const a = along ? elementAt(left, i, k) : lanesOf(left, i, k, "rows");
      const b = along ? lanesOf(right, k, j, "columns") : elementAt(right, k, j);
      out.push(addTo(cellAt(target, i, j), build.multiply(a, b)));
    }
  }
  return out;
}

/** Each element sums its products one after another. */
function scalarProducts(
  target: Registers,
  left: Registers,
  right: Registers,
): readonly Statement[] {
  return origins(target).map(([i, j]) => {
    const cell = cellAt(target, i, j);
    let sum = cell;
    for (let k = 0; k < left.columns; k++) {
      sum = build.add(sum, build.multiply(elementAt(left, i, k), elementAt(right, k, j)));
    }
    return assign(nameOf(cell), sum);
  });
}

/** Four elements of `tile` from (i, j) on along `orientation`, as lanes. */
function lanesOf(tile: Registers, i: number, j: number, orientation: "columns" | "rows"): Expr {
  if (tile.orientation === orientation) return cellAt(tile, i, j);
  const at = (lane: number): Expr =>
    orientation === "columns" ? elementAt(tile, i, j + lane) : elementAt(tile, i + lane, j);
  return build.vector([at(0), at(1), at(2), at(3)]);
}

/**
 * Statements for `target += left · right` where `partial` holds four partial sums for each element of
 * the target, each over every fourth k; what is left over goes to the first.
 */
export function accumulateInto(
  partial: readonly Expr[],
  target: Registers,
  left: Registers,
  right: Registers,
): readonly Statement[] {
  const alongK = left.orientation === "columns" && right.orientation === "rows";
  const out: Statement[] = [];
  for (let k = 0; k < left.columns; k += alongK ? 4 : 1) {
    for (let i = 0; i < target.rows; i++) {
      for (let j = 0; j < target.columns; j++) {
        const cell = partial[i * target.columns + j];
        invariant(cell !== undefined, "legalize: no partial sum");
        out.push(
          addTo(cell, alongK ? laneProduct(left, right, i, j, k) : first(left, right, i, j, k)),
        );
      }
    }
  }
  return out;
}

function laneProduct(left: Registers, right: Registers, i: number, j: number, k: number): Expr {
  return build.multiply(cellAt(left, i, k), cellAt(right, k, j));
}

function first(left: Registers, right: Registers, i: number, j: number, k: number): Expr {
  const zero = build.real(0);
  const product = build.multiply(elementAt(left, i, k), elementAt(right, k, j));
  return build.vector([product, zero, zero, zero]);
}

/** The sum of four lanes, in the order that two shuffles give. */
export function sumOfLanes(lanes: Expr): Expr {
  const evens = build.add(build.lane(lanes, 0), build.lane(lanes, 2));
  return build.add(evens, build.add(build.lane(lanes, 1), build.lane(lanes, 3)));
}

/** The largest of four lanes. */
export function maximumOfLanes(lanes: Expr): Expr {
  const evens = build.maximum(build.lane(lanes, 0), build.lane(lanes, 2));
  return build.maximum(evens, build.maximum(build.lane(lanes, 1), build.lane(lanes, 3)));
}

function addTo(cell: Expr, term: Expr): Statement {
  return assign(nameOf(cell), build.add(cell, term));
}

/** The name of a register. */
export function nameOf(cell: Expr): string {
  invariant(cell.kind === "var", "legalize: a register is a variable");
  return cell.name;
}
