/**
 * Floats of a packed weight as whole numbers of few bits, and what that loses. `contract.ts` says how
 * they lie (`Quantization`).
 */

import type { Quantization, WeightLayout } from "../contract.ts";

/** The elements of the two tensors of a quantised weight: i32 words, and f32 scales. */
export function quantizedElements(
  { batch, columns, inner, width }: WeightLayout,
  of: Quantization,
): {
  readonly words: number;
  readonly scales: number;
} {
  const groups = batch * Math.ceil(columns / width) * Math.ceil(inner / of.group) * width;
  return { words: (groups * of.group * of.bits) / 32, scales: groups * (of.symmetric ? 1 : 2) };
}

/** What quantisation has lost so far: sums over all elements. */
export interface QuantizationLoss {
  squaredError: number;
  squares: number;
}

/** Quantises runs of whole groups, the last run of a panel aside, which is filled up. */
export class Quantizer {
  readonly loss: QuantizationLoss = { squaredError: 0, squares: 0 };
  readonly #of: Quantization;
  readonly #width: number;

  constructor({ width }: WeightLayout, of: Quantization) {
    this.#of = of;
    this.#width = width;
  }

  /** The words and the scales of `steps` steps of one panel, `[steps, width]`. */
  run(values: Float32Array): { readonly words: Int32Array; readonly scales: Float32Array } {
    const { bits, group, symmetric } = this.#of;
    const width = this.#width;
    const steps = values.length / width;
    const groups = Math.ceil(steps / group);
    const words = new Int32Array((groups * group * width * bits) / 32);
    const each = symmetric ? 1 : 2;
    const scales = new Float32Array(groups * each * width);
    for (let index = 0; index < groups; index++) {
      const end = Math.min(steps, (index + 1) * group);
      for (let lane = 0; lane < width; lane++) {
        const [scale, offset] = this.#scale(values, index * group, end, lane);
        scales[index * each * width + lane] = scale;
        if (!symmetric) scales[(index * each + 1) * width + lane] = offset;
        for (let step = index * group; step < end; step++) {
          this.#put(words, values[step * width + lane] ?? 0, step, lane, scale, offset);
        }
      }
    }
    return { words, scales };
  }

  /** The scale and the offset of a group, as float32 has them. */
  #scale(values: Float32Array, from: number, end: number, lane: number): readonly [number, number] {
    const { bits, symmetric } = this.#of;
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let step = from; step < end; step++) {
      const value = values[step * this.#width + lane] ?? 0;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    const half = 2 ** (bits - 1);
    if (symmetric) return [Math.fround(Math.max(-least, most) / (half - 1)), 0];
    const scale = Math.fround((most - least) / (2 * half - 1));
    return [scale, Math.fround(least + scale * half)];
  }

  #put(
    words: Int32Array,
    value: number,
    step: number,
    lane: number,
    scale: number,
    offset: number,
  ): void {
    const { bits, symmetric } = this.#of;
    const half = 2 ** (bits - 1);
    const wanted = scale === 0 ? 0 : Math.round((value - offset) / scale);
    const number = Math.max(symmetric ? 1 - half : -half, Math.min(half - 1, wanted));
    const perWord = 32 / bits;
    const at = Math.floor(step / perWord) * this.#width + lane;
    const mask = 2 * half - 1;
    words[at] = (words[at] ?? 0) | ((number & mask) << ((step % perWord) * bits));
    const error = number * scale + offset - value;
    this.loss.squaredError += error * error;
    this.loss.squares += value * value;
  }
}
