/** What `share` names and moves, and what it must leave alone, as text. */

import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import type { Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import { share } from "../../../compiler/kernel/passes/share.ts";
import { printStatement } from "../../../compiler/kernel/print.ts";
import * as statements from "../../../compiler/kernel/statements.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";

const { add, f32, group, invocation, less, load, loadArray, multiply, quotient, real } = build;
const { assign, barrier, declare, loop, mutable, store, storeArray, when } = statements;
const [n, v] = [build.variable("n"), build.variable("v", f32)];
const product = multiply(group, n);

function shared(body: readonly Statement[]): string {
  const kernel: Kernel = {
    name: "sharing",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "read_write" },
    ],
    scalars: ["n"],
    arrays: [{ name: "part", element: "f32", length: 8 }],
    workgroupSize: 8,
    body,
  };
  verifyKernel(kernel);
  const result = share(kernel);
  verifyKernel(result);
  return result.body.map(printStatement).join("\n");
}

const cases: readonly (readonly [string, readonly Statement[], readonly string[]])[] = [
  [
    "equal addresses are computed once",
    [store("y", product, load("x", product)), store("y", add(product, 1), real(0))],
    [
      "group_times_n = @group * n",
      "y[group_times_n] := x[group_times_n]",
      "y[group_times_n + 1] := 0.0",
    ],
  ],
  [
    "a load is not shared across a store to its buffer",
    [store("y", 0, load("y", n)), store("y", 1, load("y", n))],
    ["y[0] := y[n]", "y[1] := y[n]"],
  ],
  [
    "a load of what is only read is",
    [store("y", 0, load("x", n)), store("y", 1, load("x", n))],
    ["x_0 = x[n]", "y[0] := x_0", "y[1] := x_0"],
  ],
  [
    "names for equal values make what is computed from them equal",
    [
      declare("a", add(n, 1)),
      store("y", multiply(build.variable("a"), group), real(0)),
      declare("b", add(n, 1)),
      store("y", multiply(build.variable("b"), group), real(1)),
    ],
    [
      "a = n + 1",
      "a_times_group = a * @group",
      "y[a_times_group] := 0.0",
      "y[a_times_group] := 1.0",
    ],
  ],
  [
    "a value has the name that it was given, a long one a number",
    [
      store("y", build.called("row", multiply(group, 3)), load("x", multiply(group, 3))),
      store("y", multiply(add(n, 7), add(group, 7)), real(0)),
      store("y", multiply(add(n, 7), add(group, 7)), real(1)),
      store("y", add(n, -1), load("x", add(n, -1))),
    ],
    [
      "row = @group * 3",
      "y[row] := x[row]",
      "index_0 = (n + 7) * (@group + 7)",
      "y[index_0] := 0.0",
      "y[index_0] := 1.0",
      "n_minus_1 = n + -1",
      "y[n_minus_1] := x[n_minus_1]",
    ],
  ],
  [
    "group memory is read anew after a barrier",
    [
      storeArray("part", invocation, real(0)),
      declare("a", loadArray("part", invocation)),
      barrier,
      store("y", 0, add(build.variable("a", f32), loadArray("part", invocation))),
    ],
    [
      "part[@invocation] := 0.0",
      "a = part[@invocation]",
      "barrier",
      "y[0] := a + part[@invocation]",
    ],
  ],
  [
    "what a loop leaves alone is computed before it, even from within an `if`",
    [
      loop("i", 0, n, [
        when(less(load("x", build.variable("i")), 0), [store("y", quotient(group, n), real(0))]),
      ]),
    ],
    [
      "group_over_n = quotient(@group, n)",
      "for i in 0 .. n step 1 {",
      "  if x[i] < 0.0 {",
      "    y[group_over_n] := 0.0",
      "  }",
      "}",
    ],
  ],
  [
    "a variable that a loop changes is read anew in each round and after it",
    [
      mutable("v", real(1)),
      declare("before", multiply(v, v)),
      loop("i", 0, n, [assign("v", multiply(v, v))]),
      store("y", 0, add(build.variable("before", f32), multiply(v, v))),
    ],
    [
      "var v = 1.0",
      "before = v * v",
      "for i in 0 .. n step 1 {",
      "  v := v * v",
      "}",
      "y[0] := before + (v * v)",
    ],
  ],
  [
    "a value of one branch is not taken for another's",
    [
      when(less(group, 1), [store("y", product, real(0))], [store("y", product, real(1))]),
      store("y", add(product, 1), real(2)),
    ],
    [
      "if @group < 1 {",
      "  y[@group * n] := 0.0",
      "} else {",
      "  y[@group * n] := 1.0",
      "}",
      "y[(@group * n) + 1] := 2.0",
    ],
  ],
  [
    "a value of the block around is used in a branch",
    [store("y", product, real(0)), when(less(group, 1), [store("y", product, real(1))])],
    [
      "group_times_n = @group * n",
      "y[group_times_n] := 0.0",
      "if @group < 1 {",
      "  y[group_times_n] := 1.0",
      "}",
    ],
  ],
  [
    "names that nothing reads go, with what only they read",
    [declare("a", load("x", 0)), declare("b", build.negate(build.variable("a", f32)))],
    [],
  ],
];

for (const [name, body, lines] of cases) {
  test(name, () => expect(shared(body)).toBe(lines.join("\n")));
}
