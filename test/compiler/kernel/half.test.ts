/** 16-bit floats: the arithmetic against the runtime's, and kernels that store them, everywhere. */

import { expect, test } from "vitest";
import { printCuda, printWgsl } from "../../../compiler/codegen/index.ts";
import { encodeWasm } from "../../../compiler/codegen/index.ts";
import * as build from "../../../compiler/kernel/build.ts";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import { halfBits, halfFromBits, roundToHalf } from "../../../compiler/kernel/half.ts";
import type { Kernel, MemoryElement } from "../../../compiler/kernel/kernel.ts";
import { barrier, store, storeArray } from "../../../compiler/kernel/statements.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { brainToFloat, floatToHalf, halfToFloat } from "../../../runtime/weights/half.ts";
import { cudaCompiler } from "../../support/nvcc.ts";
import { seeded } from "../../support/random.ts";
import { Missing, testWith } from "../../support/require.ts";
import { moduleErrors, runningDevice, runWgsl, validatingDevice } from "../../support/web-gpu.ts";

test("every pattern is the number that the runtime reads, and comes back", () => {
  for (let pattern = 0; pattern < 0x10000; pattern++) {
    const [half, brain] = [halfFromBits(pattern, "f16"), halfFromBits(pattern, "bf16")];
    expect(half).toBe(halfToFloat(pattern));
    expect(brain).toBe(brainToFloat(pattern));
    if (!Number.isNaN(half)) expect(halfBits(half, "f16")).toBe(pattern);
    if (!Number.isNaN(brain)) expect(halfBits(brain, "bf16")).toBe(pattern);
  }
});

test("what lies between is rounded to nearest, ties to even", () => {
  const next = seeded(7);
  const ends = [65504, 65519.99, 65520, 1e6, 2 ** -25, 2 ** -24, 3 * 2 ** -25, 2 ** -14, 0, -0];
  const middles = Array.from({ length: 2000 }, (_, i) => {
    const pattern = Math.floor(next() * 0x7bff);
    const [low, high] = [halfToFloat(pattern), halfToFloat(pattern + 1)];
    return i % 2 === 0 ? (low + high) / 2 : low + (high - low) * next();
  });
  for (const value of [...ends, ...middles]) {
    for (const signed of [Math.fround(value), -Math.fround(value)]) {
      expect(halfBits(signed, "f16")).toBe(floatToHalf(signed));
      expect(roundToHalf(signed, "f16")).toBe(halfToFloat(floatToHalf(signed)));
    }
  }
  // Half-way between 1 and its successor 1 + 2⁻⁷, and between that and the next.
  expect(roundToHalf(1 + 2 ** -8, "bf16")).toBe(1);
  expect(roundToHalf(1 + 3 * 2 ** -8, "bf16")).toBe(1 + 2 ** -6);
  expect(roundToHalf(3.4e38, "bf16")).toBe(Infinity);
});

/** `y = half(x) / 3`, through group memory, one element or four at a time. */
function halving(element: MemoryElement, lanes: 1 | 4): Kernel {
  const type = build.typeOf("f32", lanes);
  const local = build.multiply(build.invocation, lanes);
  const at = build.add(build.multiply(build.group, 4 * lanes), local);
  return {
    name: `halving_${element}_${lanes}`,
    comment: [],
    buffers: [
      { name: "x", element: "f32", access: "read" },
      { name: "y", element, access: "read_write" },
    ],
    scalars: [],
    arrays: [{ name: "part", element, length: 4 * lanes }],
    workgroupSize: 4,
    body: [
      storeArray("part", local, build.load("x", at, type)),
      store("y", at, build.load("x", at, type)),
      barrier,
      store(
        "y",
        at,
        build.divide(build.add(build.loadArray("part", local, type), build.load("y", at, type)), 6),
      ),
    ],
  };
}

const count = 64;
const next = seeded(3);
const x = Float32Array.from({ length: count }, () => (next() - 0.5) * 2 ** (next() * 24 - 12));

function launch(): { x: Float32Array; y: Uint16Array } {
  return { x, y: new Uint16Array(count) };
}

for (const element of ["f16", "bf16"] as const) {
  for (const lanes of [1, 4] as const) {
    test(`kernels that store ${element} round, ${lanes} at a time`, () => {
      const kernel = halving(element, lanes);
      verifyKernel(kernel);
      const buffers = launch();
      evaluateKernel(kernel, { groups: count / 4 / lanes, buffers });
      const wanted = Array.from(x, (value) => {
        const half = roundToHalf(value, element);
        return roundToHalf(Math.fround((half + half) / 6), element);
      });
      expect(Array.from(buffers.y, (bits) => halfFromBits(bits, element))).toEqual(wanted);
    });
  }
}

/** A device with f16, or why there is none. */
function withHalves(device: GPUDevice | Missing): GPUDevice | Missing {
  if (device instanceof Missing || device.features.has("shader-f16")) return device;
  return new Missing("the device has no shader-f16");
}

const validating = withHalves(await validatingDevice());
const running = withHalves(await runningDevice());

for (const lanes of [1, 4] as const) {
  const kernel = halving("f16", lanes);
  testWith("webgpu", validating, `f16 memory is valid WGSL, ${lanes} at a time`, async (device) => {
    expect(await moduleErrors(device, printWgsl(kernel))).toEqual([]);
  });
  testWith(
    "webgpu-f16",
    running,
    `f16 memory as WGSL rounds, ${lanes} at a time`,
    async (device) => {
      const [wanted, found] = [launch(), launch()];
      const groups = count / 4 / lanes;
      evaluateKernel(kernel, { groups, buffers: wanted });
      await runWgsl(device, kernel, printWgsl(kernel), { groups, buffers: found });
      // A device may divide and round a little differently: one unit in the last place.
      for (const [index, bits] of found.y.entries()) {
        expect(Math.abs(bits - (wanted.y[index] ?? 0))).toBeLessThanOrEqual(1);
      }
    },
  );
}

testWith(
  "cuda-compile",
  await cudaCompiler(),
  "nvcc compiles 16-bit memory",
  async ({ compile }) => {
    const kernels = [halving("f16", 1), halving("f16", 4), halving("bf16", 1), halving("bf16", 4)];
    expect(await compile(kernels.map(printCuda).join("\n"), "sm_80")).toBe("");
  },
);

test("languages without a 16-bit type refuse it by name", () => {
  expect(() => printWgsl(halving("bf16", 1))).toThrow("WGSL has no bf16");
  const single = { ...halving("f16", 1), workgroupSize: 1, arrays: [], body: [] };
  expect(() => encodeWasm([single], "separate")).toThrow("kernel halving_f16_1 has y of f16");
});
