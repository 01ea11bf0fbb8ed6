/** Whether two evaluations agree but for the order of sums. */

import { expect } from "vitest";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import { permuted } from "../../compiler/graph/tensor.ts";

/**
 * The relative error of float64 that reordering may cause in the toy models: each value passes fewer
 * than 2^12 roundings, each of which is amplified by the norms by less than 2^12.
 */
export const reassociation: number = 2 ** -52 * 2 ** 24;

/** Expects the same outputs, whatever the order of their axes, up to reassociation. */
export function expectClose(
  actual: ReadonlyMap<string, NamedTensor>,
  wanted: ReadonlyMap<string, NamedTensor>,
): void {
  expect([...actual.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, value] of wanted) expectSame(name, actual.get(name), value);
}

/** Expects one tensor to equal another up to reassociation. */
export function expectSame(
  name: string,
  actual: NamedTensor | undefined,
  wanted: NamedTensor,
): void {
  expect(actual, `there is no ${name}`).toBeDefined();
  if (actual === undefined) return;
  expect([...actual.axes].sort(), name).toEqual([...wanted.axes].sort());
  const data = permuted(actual.data, actual.axes, actual.shape, wanted.axes);
  expect(data.length, name).toBe(wanted.data.length);
  const largest = wanted.data.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
  const worst = wanted.data.reduce(
    (most, x, i) => Math.max(most, Math.abs(x - (data[i] ?? Number.NaN))),
    0,
  );
  expect(worst, `${name} differs by ${worst}`).toBeLessThanOrEqual(largest * reassociation);
}

/** Expects the only row of `actual` to be row `row` of the logits of the whole prompt. */
export function expectRow(
  actual: NamedTensor,
  wanted: NamedTensor | undefined,
  row: number,
  what: string,
): void {
  if (wanted === undefined) throw new RangeError("the graph has no logits");
  const width = wanted.shape[1] ?? 0;
  expectSame(what, actual, {
    ...wanted,
    axes: actual.axes,
    shape: actual.shape,
    data: wanted.data.slice(row * width, (row + 1) * width),
  });
}
