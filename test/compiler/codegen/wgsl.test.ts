/** WGSL that Dawn accepts, and that computes what kernels mean on whatever device is here. */

import { expect, test } from "vitest";
import { printWgsl } from "../../../compiler/codegen/index.ts";
import * as build from "../../../compiler/kernel/build.ts";
import type { Expr, Kernel } from "../../../compiler/kernel/kernel.ts";
import { assign, loop, mutable, store } from "../../../compiler/kernel/statements.ts";
import { testWith } from "../../support/require.ts";
import { moduleErrors, runningDevice, runWgsl, validatingDevice } from "../../support/web-gpu.ts";
import { expectClose, launches } from "../kernel/cases.ts";
import { sampleKernels } from "../kernel/samples.ts";

const validating = await validatingDevice();
const running = await runningDevice();

for (const [name, kernel] of Object.entries(sampleKernels)) {
  testWith("webgpu", validating, `${name} is valid WGSL`, async (device) => {
    expect(await moduleErrors(device, printWgsl(kernel))).toEqual([]);
  });
  testWith("webgpu-device", running, `${name} as WGSL computes the same`, async (device) => {
    for (const { launch, wanted, tolerance } of launches(kernel)) {
      await runWgsl(device, kernel, printWgsl(kernel), launch);
      for (const [buffer, values] of Object.entries(wanted)) {
        expectClose(launch.buffers[buffer], values, tolerance);
      }
    }
  });
}

const { add, load, multiply, variable } = build;

/** Names that WGSL reserves, or that our text uses. */
const namedBadly: Kernel = {
  name: "loop",
  comment: [],
  buffers: [
    { name: "var", element: "f32", access: "read" },
    { name: "sizes", element: "f32", access: "write" },
    { name: "_", element: "f32", access: "read" },
  ],
  scalars: ["groups", "fn", "__x"],
  arrays: [],
  workgroupSize: 1,
  body: [
    store(
      "sizes",
      build.group,
      multiply(
        add(load("var", build.group), load("_", variable("fn"))),
        build.cast(add(variable("groups"), variable("__x")), build.f32),
      ),
    ),
  ],
};

testWith("webgpu", validating, "reserved words get underscores", async (device) => {
  expect(await moduleErrors(device, printWgsl(namedBadly))).toEqual([]);
});

/** Adds up so many numbers, with a loop that is to stay one. */
function sumOf(rounds: number): Kernel {
  const sum = variable("sum", build.f32);
  return {
    name: "sum_of",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "write" },
    ],
    scalars: [],
    arrays: [],
    workgroupSize: 1,
    rolled: true,
    body: [
      mutable("sum", build.real(0)),
      loop("i", 0, rounds, [assign("sum", add(sum, load("x", variable("i"))))]),
      store("y", build.group, sum),
    ],
  };
}

test("where loops stay loops, the end of one with few rounds is no constant", () => {
  expect(printWgsl(sumOf(32))).toContain("i < select(0, 32, group >= 0);");
  expect(printWgsl(sumOf(33))).toContain("i < 33;");
  expect(printWgsl({ ...sumOf(32), rolled: false })).toContain("i < 32;");
});

testWith(
  "webgpu-device",
  running,
  "a loop that hides its end has all its rounds",
  async (device) => {
    const [x, y] = [new Float32Array(32).fill(0.5), new Float32Array(2)];
    const launch = { groups: 2, scalars: {}, buffers: { x, y } };
    await runWgsl(device, sumOf(32), printWgsl(sumOf(32)), launch);
    expect([...y]).toEqual([16, 16]);
  },
);

test("brackets stand where WGSL wants them", () => {
  const { bitAnd, less, shiftLeft, subtract, and, or } = build;
  const [a, b, c] = [variable("a"), variable("b"), variable("c")];
  const texts: readonly (readonly [Expr, string])[] = [
    [subtract(a, subtract(b, c)), "a - (b - c)"],
    [multiply(add(a, b), c), "(a + b) * c"],
    [add(shiftLeft(a, 2), b), "(a << 2u) + b"],
    [shiftLeft(add(a, b), 2), "(a + b) << 2u"],
    [bitAnd(bitAnd(a, b), c), "(a & b) & c"],
    [build.negate(build.add(a, b)), "-(a + b)"],
    [multiply(build.negate(a), b), "-a * b"],
    [subtract(a, build.negate(b)), "a - -b"],
    [subtract(a, 3), "a - 3"],
    [
      build.cast(or(and(less(a, b), less(b, c)), less(c, a)), build.i32),
      "i32(((a < b) & (b < c)) | (c < a))",
    ],
    [
      build.cast(and(less(a, b), less(b, c), less(c, a)), build.i32),
      "i32((a < b) & (b < c) & (c < a))",
    ],
    [build.remainder(multiply(a, b), c), "a * b % c"],
  ];
  const written = texts.map(([expr]) => {
    const kernel: Kernel = {
      ...namedBadly,
      name: "brackets",
      buffers: [{ name: "out", element: "i32", access: "write" }],
      scalars: ["a", "b", "c"],
      body: [store("out", 0, expr)],
    };
    return /out\[0\] = (.*);/.exec(printWgsl(kernel))?.[1];
  });
  expect(written).toEqual(texts.map(([, text]) => text));
});
