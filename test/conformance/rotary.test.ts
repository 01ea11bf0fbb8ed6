/**
 * Rotary's cosines and sines are within 1e-5 of float64 at every position up to 96,000, on every
 * backend and in the float32 evaluator.
 */

import { expect, test } from "vitest";
import { checkModel, compileFor } from "../../compiler/compile.ts";
import { floats, integers } from "../../runtime/tensor.ts";
import { Session } from "../../runtime/session.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import { testedBackends } from "../support/backends.ts";

const text = `import { rotation } from "std/layers"

model Rotation[Half = 16] {
  input place: int[N]
  cosine: [N, Half], sine: [N, Half] = rotation[Half](place)
  output cosine
  output sine
}
`;

const positions = 96_000;
const half = 16;
const theta = 10_000;

for (const tested of await testedBackends()) {
  const run = test.skipIf(tested.missing !== undefined);
  run(`${tested.name}: every position up to ${positions}`, async () => {
    const { value, diagnostics } = checkModel({ file: "rotation.braid", text });
    expect(diagnostics).toEqual([]);
    if (value === undefined) return;
    const target = compileFor(value, tested.family);
    const backend = await tested.open(target.kernels);
    const session = await Session.open({
      model: { plan: target.plan, ...tested.code(target.kernels) },
      backend,
      weights: memoryWeights(new Map()),
    });
    // Kernel IR is evaluated for every 7th position: all residues, in a bearable time.
    const step = tested.name === "evaluate" ? 7 : 1;
    const place = Array.from({ length: Math.ceil(positions / step) }, (_, i) => i * step);
    const outputs = await session.forward({ place: integers(place) });
    const cosine = (await outputs.get("cosine")?.read()) ?? floats([]);
    const sine = (await outputs.get("sine")?.read()) ?? floats([]);
    expect(worst(cosine.data, place, Math.cos)).toBeLessThan(1e-5);
    expect(worst(sine.data, place, Math.sin)).toBeLessThan(1e-5);
    backend.close();
  });
}

/** The largest distance from the function of the exact angle. */
function worst(
  data: Float32Array | Int32Array,
  place: readonly number[],
  exact: (angle: number) => number,
): number {
  expect(data.length).toBe(place.length * half);
  let largest = 0;
  for (const [row, position] of place.entries()) {
    for (let i = 0; i < half; i++) {
      const angle = position * theta ** (-i / half);
      const error = Math.abs((data[row * half + i] ?? Number.NaN) - exact(angle));
      // A NaN is the largest error of all.
      largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(largest, error);
    }
  }
  return largest;
}
