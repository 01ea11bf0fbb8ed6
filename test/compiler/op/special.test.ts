/** erf and its relatives against exact rational arithmetic, and the corner cases of rounding. */

import { expect, test } from "vitest";
import {
  erf,
  erfc,
  floorDivide,
  floorRemainder,
  gelu,
  geluTanh,
  roundHalfEven,
  sigmoid,
  silu,
} from "../../../compiler/op/special.ts";

/** Fixed-point numbers with this many binary digits after the point. */
const digits = 400n;
const one = 1n << digits;

/** The float64 `x` exactly. */
function fixed(x: number): bigint {
  let scale = 0n;
  let whole = x;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    scale++;
  }
  return (BigInt(whole) << digits) >> scale;
}

/** √π by integer square root of π from Machin's formula. */
const rootOfPi = ((): bigint => {
  const arctanOfInverse = (n: bigint): bigint => {
    let power = one / n;
    let sum = power;
    for (let k = 1n; power !== 0n; k++) {
      power = -power / (n * n);
      sum += power / (2n * k + 1n);
    }
    return sum;
  };
  const pi = 4n * (4n * arctanOfInverse(5n) - arctanOfInverse(239n));
  let root = one;
  for (let i = 0; i < 500; i++) root = (root + (pi * one) / root) / 2n;
  return root;
})();

/** erf x = 2/√π Σ (-1)ⁿ x^(2n+1) / (n! (2n+1)), with digits enough for the cancellation. */
function exactErf(x: number): bigint {
  const at = fixed(x);
  const square = (at * at) >> digits;
  let power = at;
  let sum = at;
  for (let n = 1n; power !== 0n; n++) {
    power = -((power * square) >> digits) / n;
    sum += power / (2n * n + 1n);
    if (power === -1n) break;
  }
  return (2n * sum * one) / rootOfPi;
}

/** The distance of `value` from the exact number, relative to it. */
function relativeError(value: number, exact: bigint): number {
  const difference = fixed(value) - exact;
  return Math.abs(Number((difference << 80n) / exact)) / 2 ** 80;
}

const places = [
  1e-9, 1e-3, 0.1, 0.3, 0.5, 0.9, 1, 1.3, 1.9, 2.2, 1.2499, 1.25, 2.7, 3.3, 4, 5, 5.9,
];

/** Half an ulp for rounding each of the last few steps. */
const fewRoundings = 4 * 2 ** -53;

test.each(places)("erf(%d) is right to a few roundings", (x) => {
  const exact = exactErf(x);
  expect(relativeError(erf(x), exact)).toBeLessThan(fewRoundings);
  expect(erf(-x)).toBe(-erf(x));
});

test.each([1.25, 1.5, 1.99, 2, 2.7, 3.3, 4, 5, 5.9])("erfc(%d) has no cancellation", (x) => {
  // The exponential is the last but one step; its own error is below an ulp for each factor.
  expect(relativeError(erfc(x), one - exactErf(x))).toBeLessThan(2 * fewRoundings);
});

test("the limits of the functions", () => {
  expect(erf(0)).toBe(0);
  expect([erf(7), erf(-7), erf(Infinity), erf(-Infinity)]).toEqual([1, -1, 1, -1]);
  expect([erfc(-Infinity), erfc(Infinity)]).toEqual([2, 0]);
  expect([erf(Number.NaN), erfc(Number.NaN)]).toEqual([Number.NaN, Number.NaN]);
  for (const f of [gelu, geluTanh, silu]) {
    expect(f(-Infinity) + 0).toBe(0);
    expect(f(Infinity)).toBe(Infinity);
    expect(f(0)).toBe(0);
    expect(f(40)).toBe(40);
  }
  expect([sigmoid(-1000), sigmoid(0), sigmoid(1000)]).toEqual([0, 0.5, 1]);
});

test("gelu keeps its relative precision in the left tail", () => {
  const tail = one - exactErf(10 * Math.SQRT1_2);
  expect(relativeError(gelu(-10) / -5, tail)).toBeLessThan(2 * fewRoundings);
});

test("gelu and its tanh form differ by less than their authors say", () => {
  for (let x = -6; x <= 6; x += 0.01) expect(Math.abs(gelu(x) - geluTanh(x))).toBeLessThan(5e-4);
});

test("rounding and integer division", () => {
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.51].map(roundHalfEven).map((x) => x + 0)).toEqual([
    -2, -2, 0, 0, 2, 2, 3,
  ]);
  for (const a of [-7, -6, 0, 6, 7])
    for (const b of [-3, -1, 1, 3]) {
      expect(floorDivide(a, b) * b + floorRemainder(a, b)).toBe(a + 0);
      expect(floorRemainder(a, b) * Math.sign(b)).toBeGreaterThanOrEqual(0);
      expect(floorRemainder(a, b) * Math.sign(b)).toBeLessThan(Math.abs(b));
    }
});
