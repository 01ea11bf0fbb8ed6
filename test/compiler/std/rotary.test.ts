/** Which elements rotary embeddings turn with each other; `rotation.test.ts` is about the angles. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { fold } from "../../../compiler/optimize/fold.ts";
import { graphOf } from "../check/support.ts";

/** Where digits of the position change, both ends, and the longest context that is promised. */
const positions = [
  0, 1, 2, 62, 63, 64, 65, 127, 128, 1000, 4095, 4096, 4097, 8191, 8192, 12_345, 32_767, 32_768,
  65_535, 65_536, 77_777, 95_999, 96_000, 262_143,
];
const half = 64;
const theta = 10_000;

const text = `import { rotary, rotary_interleaved } from "std/layers"
model Angles[E = ${2 * half}] {
  input place: int[N]
  input x: [N, E]
  output split = rotary(x, place, ${theta})
  output interleaved = rotary_interleaved(x, place, ${theta})
}`;

const numbers = positions.flatMap((position) =>
  Array.from({ length: 2 * half }, (_, index) => Math.fround(Math.sin(position + 7 * index))),
);
const { outputs } = evaluateGraph(
  fold(graphOf(text)),
  {
    sizes: new Map([["N", positions.length]]),
    inputs: new Map([
      ["place", { element: "int", shape: [positions.length], data: positions }],
      ["x", { element: "float", shape: [positions.length, 2 * half], data: numbers }],
    ]),
    weights: (name) => {
      throw new RangeError(`there is no weight ${name}`);
    },
  },
  { precision: "float32" },
);

function angle(row: number, index: number): number {
  return (positions[row] ?? 0) * theta ** (-index / half);
}

/**
 * Six table entries of magnitude at most 1 are rounded once each, then two levels of `a b ± c d` with
 * three roundings each: an error of at most 6 + 2 · 3 units of 2⁻²⁴ for numbers below 2.
 */
const bound = 12 * 2 ** -24 * 2;

for (const form of ["split", "interleaved"] as const) {
  test(`the ${form} form turns the right pairs`, () => {
    const isSplit = form === "split";
    for (const row of positions.keys()) {
      for (let index = 0; index < half; index++) {
        const base = row * 2 * half;
        const [i, j] = isSplit ? [index, index + half] : [2 * index, 2 * index + 1];
        const [a, b] = [numbers[base + i] ?? 0, numbers[base + j] ?? 0];
        const [cosine, sine] = [Math.cos(angle(row, index)), Math.sin(angle(row, index))];
        const result = outputs.get(form)?.data ?? [];
        // Two products of numbers up to 1, with their roundings.
        expect(Math.abs((result[base + i] ?? 0) - (a * cosine - b * sine))).toBeLessThan(3 * bound);
        expect(Math.abs((result[base + j] ?? 0) - (b * cosine + a * sine))).toBeLessThan(3 * bound);
      }
    }
  });
}
