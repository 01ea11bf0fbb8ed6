/**
 * Intervals of i32 expressions, from constants, known variables and the operators themselves.
 *
 * Sound as long as nothing overflows, which index arithmetic never does (sizes are below 2³¹).
 */

import type { Expr } from "./kernel.ts";

/** All values lie in `[low, high]`; the ends may be infinite. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** What is known of variables, by name. */
export type KnownBounds = ReadonlyMap<string, Bounds>;

const unbounded: Bounds = { low: -Infinity, high: Infinity };
const nothingKnown: KnownBounds = new Map();

/** The interval in which `expr` lies; the whole line where nothing is known. */
export function boundsOf(expr: Expr, known: KnownBounds = nothingKnown): Bounds {
  switch (expr.kind) {
    case "const":
      return { low: expr.value, high: expr.value };
    case "var":
      return known.get(expr.name) ?? unbounded;
    case "builtin":
      return known.get(expr.name) ?? { low: 0, high: Infinity };
    case "binary":
      return boundsOfBinary(expr, known);
    case "call": {
      const [a, b] = expr.args;
      if (a === undefined || b === undefined) return unbounded;
      if (expr.fn !== "min" && expr.fn !== "max") return unbounded;
      const [x, y] = [boundsOf(a, known), boundsOf(b, known)];
      const pick = expr.fn === "min" ? Math.min : Math.max;
      return { low: pick(x.low, y.low), high: pick(x.high, y.high) };
    }
    case "select": {
      const [x, y] = [boundsOf(expr.then, known), boundsOf(expr.otherwise, known)];
      return { low: Math.min(x.low, y.low), high: Math.max(x.high, y.high) };
    }
    case "cast":
      return expr.operand.type.scalar === "bool" ? { low: 0, high: 1 } : unbounded;
    default:
      return unbounded;
  }
}

function boundsOfBinary(expr: Extract<Expr, { kind: "binary" }>, known: KnownBounds): Bounds {
  const x = boundsOf(expr.left, known);
  const y = boundsOf(expr.right, known);
  switch (expr.operator) {
    case "add":
      return { low: x.low + y.low, high: x.high + y.high };
    case "subtract":
      return { low: x.low - y.high, high: x.high - y.low };
    case "multiply": {
      const ends = [x.low * y.low, x.low * y.high, x.high * y.low, x.high * y.high];
      // 0 times infinity: the end is at 0.
      const safe = ends.map((end) => (Number.isNaN(end) ? 0 : end));
      return { low: Math.min(...safe), high: Math.max(...safe) };
    }
    case "quotient":
      return { low: 0, high: y.low >= 1 ? Math.floor(x.high / y.low) : x.high };
    case "remainder":
      return { low: 0, high: Math.min(x.high, y.high - 1) };
    case "floor_remainder":
      return { low: 0, high: y.high - 1 };
    case "bit_and":
      return y.low >= 0 ? { low: 0, high: y.high } : unbounded;
    default:
      return unbounded;
  }
}
