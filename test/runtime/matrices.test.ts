/** Subgroup matrices: what an adapter lists, and the trial before they are believed. */

import { expect, test } from "vitest";
import { evaluateKernel } from "../../compiler/kernel/evaluate.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { type MatrixShape, matrixShapes, type SubgroupRange } from "../../runtime/contract.ts";
import type { FoundAdapter } from "../../runtime/webgpu/device.ts";
import { listedMatrices, matrixFeatures } from "../../runtime/webgpu/matrices.ts";
import {
  expectedProduct,
  matrixFault,
  trial,
  trialFactors,
} from "../../runtime/webgpu/matrix-trial.ts";
import { tryAdapter } from "../../runtime/webgpu/trial.ts";
import { floatToHalf } from "../../runtime/weights/half.ts";
import { emulatedMatrices } from "../support/emulated-matrices.ts";
import { matrixTrial, trialTextsFile } from "../support/matrix-trials.ts";
import { testWith } from "../support/require.ts";
import { runningDevice, validatingDevice } from "../support/web-gpu.ts";

test("the texts of the trial are what the compiler prints", async () => {
  await expect(trialTextsFile()).toMatchFileSnapshot("../../runtime/webgpu/matrix-trial-texts.ts");
});

/** What the trial computes from, by the names of its kernel. */
function trialBuffers(
  { buffers }: Kernel,
  shape: MatrixShape,
): Readonly<Record<string, Float32Array | Uint16Array>> {
  const factors = trialFactors(shape).map((each) =>
    shape.element === "f16" ? Uint16Array.from(each, floatToHalf) : each,
  );
  expect(buffers.map(({ access }) => access)).toEqual(["read", "read", "write"]);
  const product = new Float32Array(trial.rows * trial.columns);
  return Object.fromEntries(buffers.map(({ name }, index) => [name, factors[index] ?? product]));
}

test.each(matrixShapes)("the trial of $element $rows × $columns × $inner", (shape) => {
  const kernel = matrixTrial(shape);
  verifyKernel(kernel);
  const buffers = trialBuffers(kernel, shape);
  evaluateKernel(kernel, { groups: 1, buffers });
  expect(buffers["contract"]).toEqual(expectedProduct(shape));
});

const [running, validating] = [await runningDevice(), await validatingDevice()];

/** The subgroups that it says it has. */
const subgroups: SubgroupRange = { min: 4, max: 64 };

/** An adapter that lists all shapes and opens `device`, whose modules are changed by `change`. */
function adapterOf(device: GPUDevice, change: (text: string) => string): FoundAdapter {
  const changed = new Proxy(device, {
    get: (target, key) => {
      if (key === "createShaderModule")
        return ({ code }: GPUShaderModuleDescriptor) =>
          target.createShaderModule({ code: code.includes("matrix") ? change(code) : code });
      // Others use it, too.
      if (key === "destroy") return () => undefined;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const adapter: object = {
    ...{ features: new Set(device.features), limits: {}, requestDevice: async () => changed },
  };
  if (!isAdapter(adapter)) throw new RangeError("an adapter opens devices");
  const takesHalves = device.features.has("shader-f16");
  const matrices = matrixShapes.filter(({ element }) => element === "f32" || takesHalves);
  return { adapter, name: "a test", software: false, subgroups, matrices };
}

function isAdapter(value: object): value is GPUAdapter {
  return "requestDevice" in value;
}

/** The shape of the matrices in a text. */
function shapeIn(text: string): MatrixShape {
  const [, element, inner, rows] = /subgroup_matrix_left<(\w+), (\d+), (\d+)>/.exec(text) ?? [];
  const found = matrixShapes.find(
    (shape) =>
      shape.element === element && shape.inner === Number(inner) && shape.rows === Number(rows),
  );
  if (found === undefined) throw new RangeError("no matrices in the text");
  return found;
}

testWith("webgpu-device", running, "WGSL that multiplies rightly is used", async (device) => {
  const found = adapterOf(device, (text) => emulatedMatrices(text, shapeIn(text)));
  // A device may refuse what its adapter says that it has.
  const refused = expect.stringMatching(/^its subgroups are not used: ./);
  const tried = device.features.has("subgroups")
    ? { subgroups, matrices: found.matrices }
    : { matrices: [], refused };
  expect(await tryAdapter(found)).toEqual(tried);
});

// Dawn's null backend takes the kernels and computes nothing: no number is right.
testWith("webgpu", validating, "what is wrong is not used, and that is said", async (device) => {
  if (!matrixFeatures.every((each) => device.features.has(each))) return;
  const tried = await tryAdapter(adapterOf(device, (text) => text));
  expect(tried).toEqual({
    matrices: [],
    refused: "its subgroups are not used: they are not full",
  });
  for (const shape of matrixShapes) {
    expect(await matrixFault(device, shape)).toBe("they multiply wrongly");
  }
});

/** What `listedMatrices` looks at. */
function listing(
  features: readonly string[],
  configs: readonly object[],
  range: SubgroupRange | undefined,
): readonly MatrixShape[] {
  const adapter: object = {
    ...{ features: new Set(features), info: { subgroupMatrixConfigs: configs } },
    requestDevice: undefined,
  };
  return isAdapter(adapter) ? listedMatrices(adapter, range) : [];
}

test("an adapter lists what its subgroups of 32 multiply, with sums in f32", () => {
  const [matrix, size] = matrixFeatures;
  if (matrix === undefined || size === undefined) throw new RangeError("two features");
  const config = (componentType: string, resultComponentType: string, extent: number) => ({
    ...{ componentType, resultComponentType, M: extent, N: extent, K: extent },
  });
  const apple = [config("f32", "f32", 8), config("f16", "f16", 8)];
  const nvidia = [config("f16", "f16", 16), config("f16", "f32", 16), config("u8", "u32", 16)];
  const always = { min: 32, max: 32 };
  const [wide, , narrow] = matrixShapes;
  expect(listing([matrix], apple, always)).toEqual([narrow]);
  expect(listing([matrix], nvidia, always)).toEqual([wide]);
  expect(listing([], nvidia, always)).toEqual([]);
  expect(listing([matrix], nvidia, undefined)).toEqual([]);
  expect(listing([matrix], nvidia, { min: 32, max: 64 })).toEqual([]);
  expect(listing([matrix, size], nvidia, { min: 32, max: 64 })).toEqual([wide]);
  expect(listing([matrix, size], nvidia, { min: 8, max: 16 })).toEqual([]);
});
