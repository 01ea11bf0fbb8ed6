/**
 * Accuracy of the functions that we define ourselves, on everything that runs here, against double
 * precision. Arguments are dense around what is special to each function; the bounds are those that
 * `legalize/elementary.ts` and `legalize/trigonometry.ts` state.
 */

import { expect, test } from "vitest";
import { printWgsl } from "../../../compiler/codegen/index.ts";
import { errorFunction } from "../../../compiler/kernel/arithmetic.ts";
import { evaluateKernel, type Launch } from "../../../compiler/kernel/evaluate.ts";
import type { CallFunction, Kernel } from "../../../compiler/kernel/kernel.ts";
import { legalize } from "../../../compiler/kernel/passes/legalize.ts";
import { testWith } from "../../support/require.ts";
import { runningDevice, runWgsl } from "../../support/web-gpu.ts";
import { values } from "../kernel/cases.ts";
import { functionKernel, numbersPerGroup } from "../kernel/function-kernels.ts";
import { runWasm } from "./run-wasm.ts";

/** The distance of neighbouring f32 at `value`; below the normal range devices may give 0. */
function ulp(value: number): number {
  const exponent = Math.floor(Math.log2(Math.max(Math.abs(value), 2 ** -126)));
  return 2 ** (exponent - 23);
}

interface Subject {
  readonly fn: CallFunction;
  readonly reference: (x: number) => number;
  readonly arguments: readonly number[];
  readonly bound: (wanted: number) => number;
}

function spread(low: number, high: number, count: number, seed: number): readonly number[] {
  return [...values(count, seed)].map((x) => low + ((x + 1) / 2) * (high - low));
}

const small = [0, -0, 1e-30, -1e-30, 1e-8, 1e-4, -1e-4, 0.25, 0.5, -0.5, 1, -1];
const turns = [...Array(200).keys()].map((n) => (n * Math.PI) / 4);
/** Close to multiples of π/2, where reduction loses most. */
const farTurns = [...Array(400).keys()].map((n) => ((n * 159 + 1) * Math.PI) / 2);
const angles = [
  ...[...small, ...turns, ...farTurns, 1e5, -1e5, 96000, 99999.99],
  ...[...spread(-10, 10, 500, 1), ...spread(-1e5, 1e5, 2000, 2)],
];

/** Twice the last place, of 0 the least normal number. */
const twoUlp = (wanted: number): number => 2 * ulp(wanted);

const subjects: readonly Subject[] = [
  {
    fn: "exp",
    reference: Math.exp,
    arguments: [...small, -104, -200, -3e38, -88, 88, 88.7, ...spread(-100, 88, 2000, 3)],
    bound: twoUlp,
  },
  {
    fn: "exp2",
    reference: (x) => 2 ** x,
    arguments: [...small, -150, -200, 127, 127.9, ...spread(-130, 127, 2000, 4)],
    bound: twoUlp,
  },
  {
    fn: "exp2_negative",
    reference: (x) => (x < -126.5 ? 0 : 2 ** x),
    arguments: [
      ...small.map((x) => -Math.abs(x)),
      -126,
      -127,
      -150,
      -3e38,
      ...spread(-126, 0, 2000, 4),
    ],
    bound: twoUlp,
  },
  {
    fn: "log",
    reference: Math.log,
    arguments: [
      ...[
        1e-37,
        1e-4,
        0.5,
        Math.SQRT1_2,
        Math.SQRT1_2 * (1 + 2 ** -23),
        0.9999999,
        1,
        1.0000001,
        2,
        3e38,
      ],
      ...[...spread(0.5, 2, 1000, 5), ...spread(-80, 80, 1000, 6).map(Math.exp)],
    ],
    bound: twoUlp,
  },
  {
    fn: "tanh",
    reference: Math.tanh,
    arguments: [...small, 0.624, 0.626, 9, 10, -10, 100, -3e38, 3e38, ...spread(-6, 6, 2000, 7)],
    bound: twoUlp,
  },
  {
    fn: "erf",
    reference: errorFunction,
    arguments: [...small, 0.927, 0.928, 3.9, 4, 5, -4, 3e38, -3e38, ...spread(-4, 4, 2000, 8)],
    bound: () => 2e-7,
  },
  {
    fn: "acos",
    reference: Math.acos,
    arguments: [...small, 0.49999, 0.50001, 0.9999999, -0.9999999, ...spread(-1, 1, 2000, 9)],
    bound: () => 4e-7,
  },
  { fn: "sin", reference: Math.sin, arguments: angles, bound: () => 1.5e-7 },
  { fn: "cos", reference: Math.cos, arguments: angles, bound: () => 1.5e-7 },
];

const device = await runningDevice();

for (const subject of subjects) {
  const kernel = functionKernel(subject.fn);
  test(`${subject.fn} as kernel IR is accurate`, () => {
    const { launch, x } = launchOf(subject);
    evaluateKernel(legalize(kernel, "wasm"), launch);
    check(subject, x, launch);
  });
  test(`${subject.fn} as WebAssembly is accurate`, () => {
    const { launch, x } = launchOf(subject);
    runWasm(kernel, launch);
    check(subject, x, launch);
  });
  testWith("webgpu-device", device, `${subject.fn} as WGSL is accurate`, async (gpu) => {
    const { launch, x } = launchOf(subject);
    await runWgsl(gpu, kernel, printWgsl(kernel), launch);
    // WGSL may take what is below the normal range for 0.
    check(subject, x, launch, 2 ** -126);
  });
}

function launchOf(subject: Subject): { readonly launch: Launch; readonly x: Float32Array } {
  const count = Math.ceil(subject.arguments.length / numbersPerGroup) * numbersPerGroup;
  const last = subject.arguments.at(-1) ?? 0;
  const x = Float32Array.from({ length: count }, (_, index) => subject.arguments[index] ?? last);
  const y = new Float32Array(count);
  return { launch: { groups: count / numbersPerGroup, buffers: { x, y } }, x };
}

/** Values below `lost` may be 0. */
function check(subject: Subject, x: Float32Array, launch: Launch, lost = 0): void {
  const y = launch.buffers["y"] ?? [];
  const wrong: string[] = [];
  for (const [index, argument] of x.entries()) {
    const wanted = subject.reference(argument);
    const error = Math.abs((y[index] ?? Number.NaN) - wanted);
    if (error <= subject.bound(wanted) || (Math.abs(wanted) < lost && y[index] === 0)) continue;
    const bounds = `off by ${error} = ${error / ulp(wanted)} ulp`;
    wrong.push(`${subject.fn}(${argument}) is ${y[index]}, wanted ${wanted}, ${bounds}`);
  }
  expect(wrong.slice(0, 5)).toEqual([]);
}

test("the reference for erf agrees with tables", () => {
  const table: readonly (readonly [number, number])[] = [
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [2.6, 0.9997639655834707],
    [3, 0.9999779095030014],
  ];
  for (const [x, wanted] of table) {
    // A rounding for each of the 60 terms that it has at most.
    expect(Math.abs(errorFunction(x) - wanted)).toBeLessThan(60 * 2 ** -53);
    expect(errorFunction(-x)).toBe(-errorFunction(x));
  }
});

const overflowing: readonly (readonly [CallFunction, number, number])[] = [
  ["exp", 89, Infinity],
  ["exp", 3e38, Infinity],
  ["exp2", 128, Infinity],
  ["log", 0, -Infinity],
];

for (const [fn, x, wanted] of overflowing) {
  test(`${fn}(${x}) is ${wanted}, as IEEE 754 has it`, () => {
    const kernel: Kernel = functionKernel(fn);
    const launch = {
      groups: 1,
      buffers: { x: new Float32Array(8).fill(x), y: new Float32Array(8) },
    };
    runWasm(kernel, launch);
    expect([...launch.buffers.y]).toEqual(Array(8).fill(wanted));
  });
}
