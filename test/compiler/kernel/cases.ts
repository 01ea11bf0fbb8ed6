/** What the sample kernels run on and must compute, from plain loops in double precision. */

import { expect } from "vitest";
import type { Launch } from "../../../compiler/kernel/evaluate.ts";
import type { Kernel } from "../../../compiler/kernel/kernel.ts";
import { seeded } from "../../support/random.ts";

/** What a sample runs on, what it must give, and how far off it may be, element by element. */
export interface Case {
  readonly launch: Launch;
  readonly wanted: Readonly<Record<string, readonly number[]>>;
  /** Largest absolute error, derived from the lengths of the sums below. */
  readonly tolerance: number;
}

const unit = 2 ** -24;

/** Values in [-1, 1), the same for a seed. */
export function values(length: number, seed: number): Float32Array<ArrayBuffer> {
  const random = seeded(seed);
  return Float32Array.from({ length }, () => random() * 2 - 1);
}

function at(list: ArrayLike<number>, index: number): number {
  const value = list[index];
  if (value === undefined) throw new RangeError(`no element ${index} of ${list.length}`);
  return value;
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

function matmulCase(m: number, n: number, k: number, groups: number, sizes: object): Case {
  const [a, w] = [values(m * k, 1), values(n * k, 2)];
  const product = (row: number, column: number): number =>
    total(range(k).map((inner) => at(a, row * k + inner) * at(w, column * k + inner)));
  return {
    launch: { groups, buffers: { a, w, y: new Float32Array(m * n) }, scalars: { ...sizes } },
    wanted: { y: range(m * n).map((each) => product(Math.floor(each / n), each % n)) },
    // Each of k products and k sums of at most k rounds once, whatever the order.
    tolerance: 2 * k * k * unit,
  };
}

/** Runs of one of the samples. */
export function launches(kernel: Kernel): readonly Case[] {
  const found = cases[kernel.name];
  if (found === undefined) throw new RangeError(`no cases for ${kernel.name}`);
  return found();
}

const cases: Readonly<Record<string, () => readonly Case[]>> = {
  row_sum: () => {
    const [rows, columns] = [3, 21];
    const x = values(rows * columns, 3);
    const row = (index: number) => [...x.subarray(index * columns, (index + 1) * columns)];
    return [
      {
        launch: { groups: rows, buffers: { x, sum: new Float32Array(rows) }, scalars: { columns } },
        wanted: { sum: range(rows).map((each) => total(row(each))) },
        tolerance: columns * columns * unit,
      },
    ];
  },
  rms_statistics: () => {
    const [rows, columns] = [3, 21];
    const x = values(rows * columns, 4);
    const row = (index: number) => [...x.subarray(index * columns, (index + 1) * columns)];
    const mean = (index: number) => total(row(index).map((each) => each * each)) / columns;
    const scale = range(rows).map((each) => 1 / Math.sqrt(mean(each) + 1e-6));
    const buffers = { x, scale: new Float32Array(rows) };
    // The mean is relatively off by at most `columns` roundings; the root halves that, and its own
    // rounding (2 units in WGSL) comes on top. Scales here are below 4.
    const tolerance = 4 * (columns + 4) * unit;
    return [
      { launch: { groups: rows, buffers, scalars: { columns } }, wanted: { scale }, tolerance },
    ];
  },
  masked_softmax: () => {
    const rows = 16;
    const score = values(rows * 16, 5).map((each) => each * 4);
    const visible = (row: number) => [...score.subarray(row * 16, row * 16 + row + 1)];
    const weight = (row: number, column: number): number =>
      Math.exp(at(score, row * 16 + column)) / total(visible(row).map(Math.exp));
    const p = range(256).map((each) => {
      const [row, column] = [Math.floor(each / 16), each % 16];
      return column <= row ? weight(row, column) : 0;
    });
    // exp is good to 2 units, and its argument is at most 8 with one rounding (8 units), twice; the
    // sum of 16 adds 16, the division 3. Weights are at most 1.
    const launch = { groups: rows, buffers: { score, p: new Float32Array(256) } };
    return [{ launch, wanted: { p }, tolerance: 2 * 2 * (2 + 8) * unit + 19 * unit }];
  },
  matmul_4x4_12_8: () => [8, 6, 1].map((m) => matmulCase(m, 8, 12, Math.ceil(m / 4) * 2, { m })),
  matmul_group: () => [matmulCase(16, 24, 16, 6, { n: 24, k: 16 })],
};

/** Fails unless every element of `actual` is within `tolerance` of `wanted`. */
export function expectClose(
  actual: ArrayLike<number> | undefined,
  wanted: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual?.length).toBe(wanted.length);
  const wrong = range(wanted.length).filter(
    (index) => !(Math.abs(at(actual ?? [], index) - at(wanted, index)) <= tolerance),
  );
  const shown = wrong
    .slice(0, 4)
    .map((index) => `[${index}] is ${actual?.[index]}, wanted ${wanted[index]} ± ${tolerance}`);
  expect(shown).toEqual([]);
}
