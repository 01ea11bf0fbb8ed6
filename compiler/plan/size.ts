/** Sizes as the plan writes them: arithmetic over symbols, as data. */

import type { Size } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import { asConstant, type Dimension } from "../op/dimension.ts";

/** The plan's form of a size. Fractions are gathered over one exact division. */
export function sizeOf(size: Dimension): Size {
  const value = asConstant(size);
  if (value !== undefined) {
    invariant(Number.isInteger(value), `the size ${size.key} is not whole`);
    return value;
  }
  const divisor = size.terms.reduce((most, term) => leastCommonMultiple(most, term.denominator), 1);
  const terms = size.terms.map((term) => {
    let product: Size = (term.numerator * divisor) / term.denominator;
    let over: Size = 1;
    for (const [factor, power] of term.powers) {
      const each = factorOf(size, factor);
      for (let i = 0; i < power; i++) product = times(product, each);
      for (let i = 0; i > power; i--) over = times(over, each);
    }
    return over === 1 ? product : (["floor/", product, over] as const);
  });
  const sum = terms.reduce((left: Size, right) => plus(left, right), 0);
  return divisor === 1 ? sum : ["floor/", sum, divisor];
}

function factorOf(size: Dimension, factor: string): Size {
  const inner = size.opaque.get(factor);
  if (inner === undefined) return factor;
  const operands = [sizeOf(inner.numerator), sizeOf(inner.denominator)] as const;
  return [inner.kind === "ceil" ? "ceil/" : "floor/", ...operands];
}

function plus(a: Size, b: Size): Size {
  if (a === 0) return b;
  if (b === 0) return a;
  return typeof a === "number" && typeof b === "number" ? a + b : ["+", a, b];
}

function times(a: Size, b: Size): Size {
  if (a === 1) return b;
  if (b === 1) return a;
  return typeof a === "number" && typeof b === "number" ? a * b : ["*", a, b];
}

function leastCommonMultiple(a: number, b: number): number {
  const gcd = (x: number, y: number): number => (y === 0 ? x : gcd(y, x % y));
  return (a / gcd(a, b)) * b;
}
