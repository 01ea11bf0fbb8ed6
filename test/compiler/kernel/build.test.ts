/** What constructors simplify, and that simplification keeps values. */

import fc from "fast-check";
import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import type { Expr, Kernel } from "../../../compiler/kernel/kernel.ts";
import { printExpr, shortest } from "../../../compiler/kernel/print.ts";
import { substitute } from "../../../compiler/kernel/rewrite.ts";
import { store } from "../../../compiler/kernel/statements.ts";

const { add, divide, f32, int, multiply, quotient, real, remainder, subtract, variable } = build;
const [a, b, x] = [variable("a"), variable("b"), variable("x", f32)];

const simplified: readonly (readonly [Expr, string])[] = [
  [add(a, 0), "a"],
  [add(3, a), "a + 3"],
  [add(add(a, 3), 4), "a + 7"],
  [add(add(a, 3), add(b, 4)), "(a + b) + 7"],
  [subtract(add(a, 3), 3), "a"],
  [multiply(a, 1), "a"],
  [multiply(a, 0), "0"],
  [multiply(x, 0), "x * 0.0"],
  [divide(x, 1), "x"],
  [multiply(add(a, 2), 4), "(a * 4) + 8"],
  [multiply(multiply(a, 2), 4), "a * 8"],
  [quotient(0, a), "0"],
  [quotient(multiply(a, 32), 8), "a * 4"],
  [quotient(add(multiply(a, 32), remainder(b, 32)), 32), "a"],
  [quotient(add(multiply(a, 32), b), 32), "quotient((a * 32) + b, 32)"],
  [quotient(quotient(a, 4), 8), "quotient(a, 32)"],
  [remainder(add(multiply(a, 32), remainder(b, 32)), 32), "remainder(b, 32)"],
  [remainder(remainder(a, 4), 8), "remainder(a, 4)"],
  [build.and(build.boolean(true), build.less(a, b)), "a < b"],
  [build.not(build.not(build.less(a, b))), "a < b"],
  [build.select(build.boolean(false), a, b), "b"],
  [build.call("sqrt", real(4)), "2.0"],
  [build.call("exp", real(1000)), "exp(1000.0)"],
  [add(build.splat(x), x), "splat(x) + splat(x)"],
  [build.lane(build.vector([int(1), int(2), a, b]), 2), "a"],
];

for (const [expr, text] of simplified) {
  test(`simplified: ${text}`, () => expect(printExpr(expr)).toBe(text));
}

/** An expression as it was built, and what it should be for values of `a` and `b`. */
interface Index {
  readonly expr: Expr;
  readonly meaning: (a: number, b: number) => number;
}

function combined(
  build: (left: Expr, right: Expr) => Expr,
  compute: (left: number, right: number) => number,
): (parts: readonly [Index, Index]) => Index {
  return ([left, right]) => ({
    expr: build(left.expr, right.expr),
    meaning: (a, b) => compute(left.meaning(a, b), right.meaning(a, b)),
  });
}

const whole = (low: number, high: number): fc.Arbitrary<Index> =>
  fc.integer({ min: low, max: high }).map((value) => ({ expr: int(value), meaning: () => value }));

/** Indices that are not negative for values that are not. */
const indices = fc.letrec<{ tree: Index }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Index>(
      { expr: a, meaning: (first) => first },
      { expr: b, meaning: (_, second) => second },
    ),
    whole(0, 40),
    fc.tuple(tie("tree"), tie("tree")).map(combined(add, (x, y) => x + y)),
    fc.tuple(tie("tree"), whole(0, 9)).map(combined(multiply, (x, y) => x * y)),
    fc.tuple(tie("tree"), whole(1, 9)).map(combined(quotient, (x, y) => Math.floor(x / y))),
    fc.tuple(tie("tree"), whole(1, 9)).map(combined(remainder, (x, y) => x % y)),
  ),
})).tree;

test("simplified indices have the value of what was written", () => {
  const value = fc.integer({ min: 0, max: 50 });
  fc.assert(
    fc.property(indices, value, value, ({ expr, meaning }, first, second) => {
      const wanted = meaning(first, second);
      fc.pre(wanted < 2 ** 31);
      const kernel: Kernel = {
        name: "index",
        comment: [],
        buffers: [{ name: "out", element: "i32", access: "write" }],
        scalars: ["a", "b"],
        arrays: [],
        workgroupSize: 1,
        body: [store("out", 0, expr)],
      };
      const out = new Int32Array(1);
      evaluateKernel(kernel, { groups: 1, buffers: { out }, scalars: { a: first, b: second } });
      expect(out[0], printExpr(expr)).toBe(wanted);
      const constants = new Map([
        ["a", int(first)],
        ["b", int(second)],
      ]);
      expect(substitute(expr, constants)).toEqual(int(wanted));
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test("the shortest decimal of an f32 reads back as the same f32", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Math.fround(Number(shortest(value)))).toBe(value);
    }),
    { seed: 1 },
  );
});
