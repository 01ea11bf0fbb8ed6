/** WebAssembly computes what kernels mean. */

import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import type { Kernel } from "../../../compiler/kernel/kernel.ts";
import { barrier, loop, store, storeArray } from "../../../compiler/kernel/statements.ts";
import { expectClose, launches } from "../kernel/cases.ts";
import { sampleKernels } from "../kernel/samples.ts";
import { runWasm } from "./run-wasm.ts";

for (const [name, kernel] of Object.entries(sampleKernels)) {
  if (kernel.workgroupSize > 1) continue;
  test(`${name} as WebAssembly computes the same`, () => {
    for (const { launch, wanted, tolerance } of launches(kernel)) {
      runWasm(kernel, launch);
      for (const [buffer, values] of Object.entries(wanted)) {
        expectClose(launch.buffers[buffer], values, tolerance);
      }
    }
  });
}

/** Each group turns a row of eight round, by way of two arrays. */
const turnedRound: Kernel = {
  name: "turned_round",
  comment: [],
  buffers: [
    { name: "x", element: "f32", access: "read" },
    { name: "y", element: "f32", access: "write" },
  ],
  scalars: ["columns"],
  arrays: [
    { name: "first", element: "f32", length: 9 },
    { name: "second", element: "f32", length: 8 },
  ],
  workgroupSize: 1,
  body: [
    loop("i", 0, build.variable("columns"), [
      storeArray("second", build.variable("i"), build.load("x", at("i"))),
    ]),
    storeArray("first", 1, build.loadArray("second", 0, build.f32x4)),
    storeArray("first", 5, build.loadArray("second", 4, build.f32x4)),
    barrier,
    loop("j", 0, build.variable("columns"), [
      store("y", at("j"), build.loadArray("first", build.subtract(8, build.variable("j")))),
    ]),
  ],
};

function at(variable: string) {
  return build.add(build.multiply(build.group, 8), build.variable(variable));
}

test("group arrays lie in scratch memory as WebAssembly", () => {
  const x = Float32Array.from({ length: 24 }, (_, index) => index);
  const y = new Float32Array(24);
  runWasm(turnedRound, { groups: 3, buffers: { x, y }, scalars: { columns: 8 } });
  expect([...y]).toEqual([...x].map((_, i) => 8 * Math.floor(i / 8) + 7 - (i % 8)));
});

test("buffers may be called what the range of groups could be", () => {
  const kernel: Kernel = {
    name: "copy",
    comment: [],
    buffers: [
      { name: "end", element: "i32", access: "read" },
      { name: "first", element: "i32", access: "write" },
    ],
    scalars: [],
    arrays: [],
    workgroupSize: 1,
    body: [store("first", build.group, build.load("end", build.group, build.i32))],
  };
  const buffers = { end: Int32Array.of(5, 6, 7), first: new Int32Array(3) };
  runWasm(kernel, { groups: 3, buffers });
  expect([...buffers.first]).toEqual([5, 6, 7]);
});
