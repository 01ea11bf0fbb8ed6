/**
 * Sine and cosine: one reduction to a quarter turn, two polynomials (Cephes, single precision), and
 * the quadrant. WGSL promises its built-ins to 2⁻¹¹ and only within [-π, π]; rotary embeddings need
 * positions beyond 10⁵.
 *
 * The reduction is Cody and Waite's with π/2 in four parts. The first three have 8 bits, so their
 * products with the number of quarters are exact up to 2¹⁶ quarters, |x| = 102943. Bound, tested
 * against double precision up to |x| = 10⁵: 1.5 · 10⁻⁷ absolute. Beyond that the result loses
 * accuracy but stays in [-1, 1].
 */

import * as build from "../../build.ts";
import type { Expr } from "../../kernel.ts";
import { i32 } from "../../kernel.ts";
import { type Bind, polynomial } from "./elementary.ts";

const { add, call, multiply, negate, select, subtract } = build;

/** π/2 as a sum: parts of 8 bits, the last of 24. */
const quarterTurn: readonly number[] = parts();

function parts(): readonly number[] {
  const found: number[] = [];
  // π/2 beyond double precision: its second double.
  let [rest, low] = [Math.PI / 2, 6.123233995736766e-17];
  for (let part = 0; part < 3; part++) {
    const unit = 2 ** (Math.floor(Math.log2(rest)) - 7);
    const head = Math.floor(rest / unit) * unit;
    found.push(head);
    rest -= head;
  }
  low += rest;
  return [...found, Math.fround(low)];
}

/** sin x. */
export function sin(x: Expr, bind: Bind): Expr {
  return wave(x, 0, bind);
}

/** cos x. */
export function cos(x: Expr, bind: Bind): Expr {
  return wave(x, 1, bind);
}

/** sin (x + shift · π/2). */
function wave(x: Expr, shift: number, bind: Bind): Expr {
  const n = bind(call("round_even", multiply(x, 2 / Math.PI)), "turn_n");
  const reduced = quarterTurn.reduce((rest: Expr, part) => subtract(rest, multiply(n, part)), x);
  // A quarter turn is within [-0.79, 0.79]; the clamp only matters beyond the range of exact products.
  const r = bind(call("min", call("max", reduced, -0.8), 0.8), "turn_rest");
  const square = bind(multiply(r, r), "turn_square");
  const sine = polynomial(square, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
  const odd = add(multiply(multiply(sine, square), r), r);
  const cosine = polynomial(
    square,
    [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2],
  );
  const even = add(subtract(multiply(multiply(cosine, square), square), multiply(square, 0.5)), 1);
  const quadrant = bind(add(build.cast(n, i32), shift), "turn_quadrant");
  const isEven = build.notEqual(build.bitAnd(quadrant, 1), 0);
  const value = bind(select(isEven, even, odd), "turn_value");
  return select(build.notEqual(build.bitAnd(quadrant, 2), 0), negate(value), value);
}
