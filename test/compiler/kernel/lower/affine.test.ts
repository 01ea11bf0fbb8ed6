/** Index arithmetic: flattening and taking apart cancel, and every form has the value it should. */

import { expect, test } from "vitest";
import * as build from "../../../../compiler/kernel/build.ts";
import type { Expr } from "../../../../compiler/kernel/kernel.ts";
import {
  type Affine,
  affineOf,
  divideBy,
  emitAffine,
  fixed,
  plus,
  times,
} from "../../../../compiler/kernel/lower/affine.ts";
import { asConstant, constant, type Dimension, symbol } from "../../../../compiler/op/dimension.ts";
import { printExpr } from "../../../../compiler/kernel/print.ts";
import { seeded } from "../../../support/random.ts";

const i = { key: "i", expr: build.variable("i"), extent: constant(24) };
const t = { key: "t", expr: build.variable("t"), extent: symbol("T") };

/** Sizes as variables of their own name. */
function size(dimension: Dimension): Expr {
  const value = asConstant(dimension);
  return value === undefined ? build.variable(dimension.key) : build.int(value);
}

function shown(index: Affine): string {
  return printExpr(emitAffine(index, size, build));
}

function split(index: Affine, n: Dimension): { quotient: Affine; remainder: Affine } {
  return divideBy(index, n, (kind, rest, by) => {
    const [a, b] = [emitAffine(rest, size, build), size(by)];
    const expr = kind === "quotient" ? build.quotient(a, b) : build.remainder(a, b);
    return { key: printExpr(expr), expr };
  });
}

test("taking an index apart and putting it together gives the index", () => {
  const { quotient, remainder } = split(affineOf(i), constant(8));
  expect(shown(quotient)).toBe("quotient(i, 8)");
  expect(shown(remainder)).toBe("remainder(i, 8)");
  expect(shown(plus(times(quotient, constant(8)), remainder))).toBe("i");
});

test("three digits recombine in any order", () => {
  const low = split(affineOf(i), constant(2));
  const high = split(low.quotient, constant(4));
  const back = plus(
    plus(low.remainder, times(high.quotient, constant(8))),
    times(high.remainder, constant(2)),
  );
  expect(shown(back)).toBe("i");
});

test("a digit that is all of its base needs no remainder", () => {
  expect(shown(split(affineOf(i), constant(24)).remainder)).toBe("i");
  expect(shown(split(affineOf(i), constant(24)).quotient)).toBe("0");
});

test("rows of run-time count divide by constant widths", () => {
  const flat = plus(times(affineOf(t), constant(24)), affineOf(i));
  expect(shown(split(flat, constant(24)).quotient)).toBe("t");
  expect(shown(split(flat, constant(24)).remainder)).toBe("i");
});

test("what does not line up is computed", () => {
  const shifted = plus(affineOf(i), fixed(constant(3)));
  expect(shown(split(shifted, constant(8)).remainder)).toBe("remainder(i + 3, 8)");
});

test("every split has the value of the division", () => {
  const random = seeded(7);
  for (let round = 0; round < 300; round++) {
    const pick = (): number => 1 + Math.floor(random() * 12);
    const [a, b, c, n] = [pick(), pick(), pick(), pick()];
    const index = plus(times(affineOf(i), constant(a)), fixed(constant(b)));
    const first = split(index, constant(n));
    const again = split(first.quotient, constant(c));
    for (let value = 0; value < 24; value++) {
      const number = a * value + b;
      const at = (form: Affine): number => evaluate(emitAffine(form, size, build), value);
      expect(at(first.remainder)).toBe(number % n);
      expect(at(again.quotient)).toBe(Math.floor(number / n / c));
      expect(at(again.remainder)).toBe(Math.floor(number / n) % c);
    }
  }
});

/** The value of an index expression of `i`. */
function evaluate(expr: Expr, value: number): number {
  if (expr.kind === "const") return expr.value;
  if (expr.kind === "var") return value;
  if (expr.kind !== "binary") throw new RangeError(`no index: ${printExpr(expr)}`);
  const [a, b] = [evaluate(expr.left, value), evaluate(expr.right, value)];
  switch (expr.operator) {
    case "add":
      return a + b;
    case "multiply":
      return a * b;
    case "quotient":
      return Math.floor(a / b);
    case "remainder":
      return a % b;
    default:
      throw new RangeError(`no index: ${printExpr(expr)}`);
  }
}
