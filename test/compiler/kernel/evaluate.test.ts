/** What `evaluate` computes, against plain loops, and what it refuses. */

import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import type { Kernel, Statement } from "../../../compiler/kernel/kernel.ts";
import * as statements from "../../../compiler/kernel/statements.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { expectClose, launches } from "./cases.ts";
import { sampleKernels } from "./samples.ts";

for (const [name, kernel] of Object.entries(sampleKernels)) {
  test(`${name} computes what its comment says`, () => {
    verifyKernel(kernel);
    for (const { launch, wanted, tolerance } of launches(kernel)) {
      evaluateKernel(kernel, launch);
      for (const [buffer, values] of Object.entries(wanted)) {
        expectClose(launch.buffers[buffer], values, tolerance);
      }
    }
  });
}

function tiny(body: readonly Statement[], workgroupSize = 2): Kernel {
  return {
    name: "tiny",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: ["n"],
    arrays: [{ name: "shared_part", element: "f32", length: 2 }],
    workgroupSize,
    body,
  };
}

const { invocation, less, load, loadArray, real, variable } = build;
const { barrier, declare, store, storeArray, when } = statements;

const refused: readonly (readonly [string, readonly Statement[], RegExp])[] = [
  ["reads beyond a buffer", [declare("v", load("x", 4))], /x\[4\] is read beyond 4/],
  ["reads before a buffer", [declare("v", load("x", -1))], /x\[-1\] is read beyond/],
  ["writes beyond a buffer", [store("y", 4, real(0))], /y\[4\] is written beyond/],
  [
    "reads group memory that nobody wrote",
    [declare("v", loadArray("shared_part", invocation))],
    /shared_part\[0\] is read before it is written/,
  ],
  [
    "reads what another invocation writes without a barrier between",
    [
      storeArray("shared_part", invocation, real(1)),
      declare("v", loadArray("shared_part", build.subtract(1, invocation))),
    ],
    /shared_part\[1\] is read before|is written by invocation 0 while invocation 1 uses it/,
  ],
  [
    "writes one place from two invocations",
    [storeArray("shared_part", 0, real(1))],
    /written by invocation 1 while invocation 0 uses it/,
  ],
  [
    "has a barrier that only some invocations reach",
    [when(less(load("x", invocation), real(1)), [barrier])],
    /not all invocations reach the same barrier/,
  ],
  [
    "divides a negative number as a quotient",
    [declare("v", build.quotient(build.subtract(invocation, variable("n")), 3))],
    /quotient\(-4, 3\)/,
  ],
  ["stores NaN", [store("y", 0, build.call("log", load("x", 3)))], /y\[0\] becomes NaN/],
];

for (const [name, body, message] of refused) {
  test(`evaluate stops a kernel that ${name}`, () => {
    const buffers = { x: Float32Array.of(0, 1, 2, -3), y: new Float32Array(4) };
    const run = (): void => evaluateKernel(tiny(body), { groups: 1, buffers, scalars: { n: 4 } });
    expect(run).toThrow(message);
  });
}

test("a group touches the rows of its block only", () => {
  const kernel = tiny([when(build.equal(invocation, 0), [store("y", build.group, load("x", 3))])]);
  const buffers = { x: new Float32Array(4), y: new Float32Array(4) };
  const run = (elements: Readonly<Record<string, number>>) => (): void =>
    evaluateKernel(
      { ...kernel, rowBlocks: { groups: 2, elements } },
      {
        groups: 4,
        buffers,
        scalars: { n: 4 },
      },
    );
  expect(run({ y: 2 })).not.toThrow();
  expect(run({ y: 1 })).toThrow("y[1] is written by a group of other rows");
  expect(run({ x: 2 })).toThrow("x[3] is read by a group of other rows");
});

test("a race is found in either order", () => {
  const body = [
    storeArray("shared_part", invocation, real(1)),
    barrier,
    when(build.equal(invocation, 0), [declare("v", loadArray("shared_part", 1))]),
    when(build.equal(invocation, 1), [storeArray("shared_part", 1, real(2))]),
  ];
  const buffers = { x: new Float32Array(4), y: new Float32Array(4) };
  const run = (): void => evaluateKernel(tiny(body), { groups: 1, buffers, scalars: { n: 4 } });
  expect(run).toThrow(/written by invocation 1 while invocation 0 uses it/);
});
