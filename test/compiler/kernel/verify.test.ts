/** What `verify` refuses, one rule a case. */

import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import type { Expr, Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import * as statements from "../../../compiler/kernel/statements.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";

const { element, f32, int, invocation, less, load, loadArray, real, variable } = build;
const { assign, barrier, declare, loop, mutable, store, tile, tileAssign } = statements;
const { tileEach, tileMultiply, when } = statements;

function kernelOf(body: readonly Statement[]): Kernel {
  return {
    name: "checked",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
      { name: "z", element: "f32", access: "read_write" },
    ],
    scalars: ["n"],
    arrays: [{ name: "part", element: "f32", length: 8 }],
    workgroupSize: 8,
    body,
  };
}

const wrongSum: Expr = {
  kind: "binary",
  type: f32,
  operator: "add",
  left: real(1),
  right: int(1),
};

const refused: readonly (readonly [string, readonly Statement[], RegExp])[] = [
  ["an undeclared name", [store("y", 0, variable("v", f32))], /`v` is not declared/],
  ["a name declared twice", [declare("v", int(1)), declare("v", int(2))], /`v` is declared twice/],
  ["a name that a scalar has", [declare("n", int(1))], /`n` is declared twice/],
  ["a name that is no word", [declare("a b", int(1))], /`a b` is not a word/],
  [
    "a name beyond its block",
    [when(less(variable("n"), 1), [declare("v", int(1))]), store("y", variable("v"), real(0))],
    /`v` is not declared/,
  ],
  ["operands of two types", [store("y", 0, wrongSum)], /needs f32 and has i32/],
  [
    "a variable of another type",
    [declare("v", int(1)), store("y", 0, variable("v", f32))],
    /another/,
  ],
  ["an assignment to a `let`", [declare("v", int(1)), assign("v", int(2))], /not a `var`/],
  ["an assignment of another type", [mutable("v", int(1)), assign("v", real(2))], /needs i32/],
  ["a store to what is only read", [store("x", 0, real(1))], /`x` is only read/],
  ["a load of what is only written", [declare("v", load("y", 0))], /`y` is only written/],
  ["a value that a buffer does not hold", [store("y", 0, int(1))], /`y` holds f32, not i32/],
  ["an index that is no i32", [store("y", real(0), real(1))], /needs i32 and has f32/],
  ["a step of zero", [loop("i", 0, 4, [], 0)], /the step is not positive/],
  [
    "a loop that moves its end",
    [mutable("v", int(4)), loop("i", 0, variable("v"), [assign("v", int(5))])],
    /the loop changes its own end/,
  ],
  ["a barrier that some miss", [when(less(invocation, 4), [barrier])], /not all invocations/],
  [
    "a barrier after a varying number of rounds",
    [loop("i", 0, invocation, [barrier])],
    /not all invocations reach/,
  ],
  [
    "a barrier under a condition from memory that is written",
    [when(less(load("z", 0), 1), [barrier])],
    /not all invocations/,
  ],
  [
    "a barrier under a condition that became varying",
    [mutable("v", int(0)), assign("v", invocation), when(less(variable("v"), 1), [barrier])],
    /not all invocations/,
  ],
  [
    "a barrier under a condition from group memory",
    [when(less(loadArray("part", 0), 1), [barrier])],
    /not all invocations/,
  ],
  ["a tile of no rows", [tile("t", 0, 4, 0)], /a tile of 0×4/],
  ["an element outside tiles", [tile("t", 1, 1, 0), store("y", 0, element("t"))], /outside a tile/],
  [
    "a tile of other extents",
    [tile("t", 2, 4, 0), tile("u", 4, 4, element("t"))],
    /tile `t` does not fit/,
  ],
  [
    "a product whose extents differ",
    [tile("t", 2, 4, 0), tile("a", 2, 3, 0), tile("b", 4, 4, 0), tileMultiply("t", "a", "b")],
    /extents of a product do not fit/,
  ],
  [
    "a product into a factor",
    [tile("t", 4, 4, 0), tile("a", 4, 4, 0), tileMultiply("t", "t", "a")],
    /one of its factors/,
  ],
  [
    "a tile statement inside another",
    [tile("t", 1, 1, 0), tileEach("t", "i", "j", [tileAssign("t", real(1), "k", "l")])],
    /inside another/,
  ],
];

for (const [name, body, message] of refused) {
  test(`verify refuses ${name}`, () => {
    expect(() => verifyKernel(kernelOf(body))).toThrow(message);
  });
}

const accepted: readonly (readonly [string, readonly Statement[]])[] = [
  ["a barrier after rounds that all make", [loop("i", 0, variable("n"), [barrier])]],
  [
    "a barrier under a condition from memory that is only read",
    [when(less(load("x", 0), 1), [barrier])],
  ],
  ["a tile with one row beside a larger one", [tile("t", 1, 4, 0), tile("u", 4, 4, element("t"))]],
];

for (const [name, body] of accepted) {
  test(`verify accepts ${name}`, () => verifyKernel(kernelOf(body)));
}

test("the message shows the kernel and the statement", () => {
  const body = [loop("i", 0, 4, [store("y", variable("i"), variable("v", f32))])];
  const message = "kernel checked: `v` is not declared, in\ny[i] := v";
  expect(() => verifyKernel(kernelOf(body))).toThrow(message);
});
