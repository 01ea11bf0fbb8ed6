/**
 * A product of known matrices, computed by a device in the way that kernels would: what an adapter says
 * of its matrices is believed only after that. The kernels are printed as all are, and kept as texts
 * (`matrix-trial-texts.ts`).
 *
 * All numbers are whole, and so small that f32 adds them up without an error in any order; but so long
 * that factors in fewer bits than asked for, or sums in f16, give others.
 */

import { matrixName, type MatrixShape } from "../contract.ts";
import { floatToHalf } from "../weights/half.ts";
import { computeOnce } from "./compute-once.ts";
import { trialTexts } from "./matrix-trial-texts.ts";

/** Rows, columns and inner elements of the product. */
export const trial = { rows: 32, columns: 32, inner: 64 } as const;

/** What is wrong with the product; undefined if nothing. Throws what the device refuses. */
export async function matrixFault(
  device: GPUDevice,
  shape: MatrixShape,
): Promise<string | undefined> {
  const text = trialTexts[matrixName(shape)];
  if (text === undefined) throw new RangeError(`no trial of ${matrixName(shape)}`);
  const inputs = trialFactors(shape).map((each) =>
    shape.element === "f16" ? Uint16Array.from(each, floatToHalf) : each,
  );
  const expected = expectedProduct(shape);
  const { byteLength } = expected;
  const computed = await computeOnce(device, text, { inputs, bytes: byteLength, sizes: [1] }, 1);
  const product = new Float32Array(computed);
  const isRight = expected.every((value, index) => product[index] === value);
  return isRight ? undefined : "they multiply wrongly";
}

/** The left and right factors, row by row and column by column. */
export function trialFactors({ element }: MatrixShape): readonly [Float32Array, Float32Array] {
  // One bit more than TF32 has, and all that f16 has.
  const most = element === "f16" ? 2048 : 4096;
  const long = (line: number, k: number): number => ((line * 37 + k * 101) % most) * 2 + 1 - most;
  const short = (line: number, k: number): number => ((line + k * 3) % 7) - 3;
  const factor = (lines: number, isLong: (k: number) => boolean): Float32Array =>
    Float32Array.from({ length: lines * trial.inner }, (_, index) => {
      const [line, k] = [Math.floor(index / trial.inner), index % trial.inner];
      return isLong(k) ? long(line, k) : short(line, k);
    });
  return [factor(trial.rows, (k) => k % 2 === 0), factor(trial.columns, (k) => k % 2 === 1)];
}

/** Their product, row by row. */
export function expectedProduct(shape: MatrixShape): Float32Array {
  const [left, right] = trialFactors(shape);
  return Float32Array.from({ length: trial.rows * trial.columns }, (_, index) => {
    const [row, column] = [Math.floor(index / trial.columns), index % trial.columns];
    const a = left.subarray(row * trial.inner, (row + 1) * trial.inner);
    return a.reduce((sum, value, k) => sum + value * (right[column * trial.inner + k] ?? 0), 0);
  });
}
