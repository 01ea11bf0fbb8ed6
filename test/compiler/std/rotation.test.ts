/**
 * Rotary's sines and cosines at every position up to 96,000, in float32, against those of float64.
 *
 * The bound, with u = 2^-24: a table's entry is off by u; the sum of two angles by 4u, as |ab| + |cd| ≤ 1
 * for sines and cosines, each product carries 2u of its factors and u of its own, and the sum rounds
 * once; the sum with the third by 4u √2 + 2u of its factors, and 2u of its own. That is less than 10u.
 */

import { expect, test } from "vitest";
import { checkModel } from "../../../compiler/compile.ts";
import { type Environment, evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../../compiler/graph/tensor.ts";
import { testedBackends } from "../../support/backends.ts";
import { planGraph, runPlanned } from "../../support/run-graph.ts";
import { unitRoundoff } from "../../support/tolerance.ts";

const positions = 96_001;
const theta = 10_000;
const bound = 10 * unitRoundoff.f32;

/** Rotation by `half` frequencies, its tables computed as the compiler does. */
function rotation(half: number): Graph {
  const text = `
import { rotation } from "std/layers"

model Rotation {
  input place: int[Rows]
  cosine: [Rows, Half = ${half}], sine: [Rows, Half] = rotation[Half = ${half}](place, ${theta})
  output cosine
  output sine
}
`;
  const { value, diagnostics } = checkModel({ file: "rotation.braid", text });
  expect(diagnostics).toEqual([]);
  if (value === undefined) throw new RangeError("the model has mistakes");
  return value.optimized;
}

const environment: Environment = {
  sizes: new Map([["Rows", positions]]),
  inputs: new Map([
    ["place", { element: "int", shape: [positions], data: [...Array(positions).keys()] }],
  ]),
  weights: (name) => {
    throw new RangeError(`there is no weight ${name}`);
  },
};

function expectAngles(outputs: ReadonlyMap<string, NamedTensor>, half: number): void {
  for (const [name, of] of [["cosine", Math.cos] as const, ["sine", Math.sin] as const]) {
    const found = outputs.get(name);
    expect(found?.shape).toEqual([positions, half]);
    let worst = 0;
    for (let position = 0; position < positions; position++) {
      for (let i = 0; i < half; i++) {
        const truth = of(position * theta ** (-i / half));
        worst = Math.max(worst, Math.abs((found?.data[position * half + i] ?? Number.NaN) - truth));
      }
    }
    expect(worst, name).toBeLessThan(bound);
  }
}

test("the bound is stricter than 1e-5", () => {
  expect(bound).toBeLessThan(1e-5);
});

test("definition in float32", () => {
  const half = 4;
  const { outputs } = evaluateGraph(rotation(half), environment, { precision: "float32" });
  expectAngles(outputs, half);
});

const slow = [["evaluate", 1] as const, ["cuda-host", 8] as const];

for (const backend of await testedBackends()) {
  // Nothing here is multiplied by tensor cores or stored in 16 bits: kernels are the same for those.
  if (!backend.takes(0) || backend.target.storage !== undefined) continue;
  test.skipIf(backend.missing !== undefined)(`${backend.name}: rotation`, async () => {
    // Slow backends take the fastest frequency alone, or some.
    const half = slow.find(([name]) => backend.name.startsWith(name))?.[1] ?? 64;
    const graph = rotation(half);
    const planned = planGraph(graph, backend.target);
    const code = backend.code(planned.kernels);
    const device = await backend.open(planned.kernels);
    expectAngles(await runPlanned(graph, planned, device, code, environment), half);
  });
}
