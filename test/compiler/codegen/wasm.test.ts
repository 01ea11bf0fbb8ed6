/** WebAssembly computes what kernels mean. */

import { expect, test } from "vitest";
import * as build from "../../../compiler/kernel/build.ts";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import type { Expr, Kernel } from "../../../compiler/kernel/kernel.ts";
import { barrier, loop, store, storeArray } from "../../../compiler/kernel/statements.ts";
import { expectClose, launches } from "../kernel/cases.ts";
import { sampleKernels } from "../kernel/samples.ts";
import { platformMultiplyAdd } from "../../../runtime/cpu/multiply-add.ts";
import type { MultiplyAdd } from "../../../runtime/contract.ts";
import { printWasmText } from "../../../compiler/codegen/index.ts";
import { normal, seeded } from "../../support/random.ts";
import { runWasm } from "./run-wasm.ts";

const forms: readonly MultiplyAdd[] =
  platformMultiplyAdd() === "fused" ? ["separate", "fused"] : ["separate"];

for (const [name, kernel] of Object.entries(sampleKernels)) {
  if (kernel.workgroupSize > 1) continue;
  test.each(forms)(`${name} as WebAssembly (%s) computes the same`, (form) => {
    for (const { launch, wanted, tolerance } of launches(kernel)) {
      runWasm(kernel, launch, form);
      for (const [buffer, values] of Object.entries(wanted)) {
        expectClose(launch.buffers[buffer], values, tolerance);
      }
    }
  });
}

/** Sums of products of four lanes; the last one has no instruction of its own. */
const [a, b, c] = [four(0), four(4), four(8)] as const;
const sums: Kernel = {
  name: "sums",
  comment: [],
  buffers: [
    { name: "x", element: "f32", access: "read" },
    { name: "y", element: "f32", access: "write" },
  ],
  scalars: [],
  arrays: [],
  workgroupSize: 1,
  body: [
    store("y", 0, build.add(build.multiply(a, b), c)),
    store("y", 4, build.add(a, build.multiply(b, c))),
    store("y", 8, build.subtract(b, build.multiply(a, c))),
    store("y", 12, build.subtract(build.multiply(a, a), b)),
  ],
};

function four(index: number) {
  return build.load("x", index, build.f32x4);
}

test("fused, a sum of a product is one instruction and rounds once", () => {
  const names = printWasmText(sums, "fused").match(/f32x4\.\w+/g);
  const [madd, nmadd] = ["f32x4.relaxed_madd", "f32x4.relaxed_nmadd"];
  expect(names).toEqual([madd, madd, nmadd, "f32x4.mul", "f32x4.sub"]);
  expect(printWasmText(sums, "separate")).not.toContain("relaxed");
});

test.each(forms)("a sum of a product rounds as it says: %s", (form) => {
  const random = seeded(1);
  const x = Float32Array.from({ length: 12 }, () => normal(random));
  const y = new Float32Array(16);
  runWasm(sums, { groups: 1, buffers: { x, y } }, form);
  const round = form === "separate" ? Math.fround : (exact: number) => exact;
  const wanted = [0, 1, 2, 3].map((lane) => {
    const [p = 0, q = 0, r = 0] = [x[lane], x[lane + 4], x[lane + 8]];
    return [round(p * q) + r, p + round(q * r), q - round(p * r), Math.fround(p * p) - q];
  });
  // Products of two f32 are exact in f64; sums of f64 are rounded far behind the bits of f32.
  for (const [lane, values] of wanted.entries())
    expect([0, 4, 8, 12].map((at) => y[at + lane])).toEqual(values.map(Math.fround));
});

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

/** Adds up rows of eight with the counter of the loop used as `index` says. */
function rowSums(index: (k: Expr) => Expr, to: Expr): Kernel {
  const k = build.variable("k");
  const x = build.load("x", build.add(build.multiply(build.group, 8), index(k)));
  const added = build.add(build.load("y", build.group), x);
  return {
    name: "row_sums",
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element: "f32", access: "read_write" },
    ],
    scalars: ["count"],
    arrays: [],
    workgroupSize: 1,
    body: [loop("k", 0, to, [store("y", build.group, added)], 2)],
  };
}

const count = build.variable("count");
test.each([
  ["bytes where that is all it is for", (k: Expr) => k, build.int(8), 32],
  [
    "what indices of several steps have in common",
    (k: Expr) => build.multiply(k, 3),
    build.int(4),
    48,
  ],
  ["elements where it is used by itself", (k: Expr) => build.remainder(k, 8), build.int(8), 8],
  ["elements where nobody knows how far it goes", (k: Expr) => k, count, undefined],
])("a loop counts %s", (_, index, to, end) => {
  const kernel = rowSums(index, to);
  const text = printWasmText(kernel, "separate");
  const ends = [...text.matchAll(/i32\.const (\d+)\n\s*i32\.lt_s/g)].map(([, each]) =>
    Number(each),
  );
  expect(ends).toEqual(end === undefined ? [] : [end, end]);
  const launch = () => ({
    groups: 3,
    buffers: { x: Float32Array.from({ length: 24 }, (_, at) => at * at), y: new Float32Array(3) },
    scalars: { count: 8 },
  });
  const [wanted, actual] = [launch(), launch()];
  evaluateKernel(kernel, wanted);
  runWasm(kernel, actual);
  expect(actual.buffers.y).toEqual(wanted.buffers.y);
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
