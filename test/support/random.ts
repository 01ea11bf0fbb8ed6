/** Seeded random numbers, so that every test run is the same. */

import type { Tensor } from "../../compiler/graph/tensor.ts";

/** A generator of numbers in [0, 1) (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A normally distributed number (Box and Muller). */
export function normal(random: () => number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/** Normally distributed floats that float32 has, with this standard deviation. */
export function randomTensor(
  random: () => number,
  shape: readonly number[],
  deviation: number,
): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length: count }, () => normal(random) * deviation);
  return { element: "float", shape, data };
}

/** The whole numbers 0 … count - 1, as seeds. */
export function seeds(count: number): readonly number[] {
  return Array.from({ length: count }, (_, seed) => seed);
}
