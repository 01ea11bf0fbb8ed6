/**
 * The 16-bit floats that memory may hold, as numbers and bit patterns: f16 (IEEE binary16) and bf16
 * (the upper half of a binary32). Reading one is exact; writing rounds to nearest, ties to even, and
 * beyond the largest number gives an infinity.
 */

import { roundEven } from "./arithmetic.ts";

/** What a buffer or group array of 16-bit floats holds. */
export type HalfElement = "f16" | "bf16";

/** Bits of the fraction, and the exponents of the least normal and the largest numbers. */
const formats = {
  f16: { fraction: 10, least: -14, largest: 15 },
  bf16: { fraction: 7, least: -126, largest: 127 },
} as const satisfies Record<HalfElement, object>;

/** The number nearest to `value` that `element` has. */
export function roundToHalf(value: number, element: HalfElement): number {
  const { fraction, least, largest } = formats[element];
  if (value === 0 || !Number.isFinite(value)) return value;
  const unit = 2 ** (Math.max(exponentOf(value), least) - fraction);
  const size = roundEven(Math.abs(value) / unit) * unit;
  return Math.sign(value) * (size >= 2 ** (largest + 1) ? Infinity : size);
}

/** The number that `pattern` stands for. */
export function halfFromBits(pattern: number, element: HalfElement): number {
  const { fraction, least, largest } = formats[element];
  const sign = (pattern & 0x8000) === 0 ? 1 : -1;
  const exponent = (pattern & 0x7fff) >> fraction;
  const digits = pattern & ((1 << fraction) - 1);
  if (exponent === largest - least + 2) return digits === 0 ? sign * Infinity : Number.NaN;
  const scale = 2 ** (Math.max(exponent, 1) + least - 1 - fraction);
  return sign * (exponent === 0 ? digits : digits + (1 << fraction)) * scale;
}

/** The bit pattern of the number nearest to `value`, which is not NaN. */
export function halfBits(value: number, element: HalfElement): number {
  const { fraction, least, largest } = formats[element];
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(roundToHalf(value, element));
  if (size === 0) return sign;
  if (size === Infinity) return sign | ((largest - least + 2) << fraction);
  const exponent = Math.max(exponentOf(size), least);
  const digits = size / 2 ** (exponent - fraction);
  // Subnormal numbers lack the leading one, which counts as one more exponent.
  return sign | (((exponent - least) << fraction) + digits);
}

/** The exponent of the leading bit of `value`, which is not 0. */
function exponentOf(value: number): number {
  const size = Math.abs(value);
  const estimate = Math.floor(Math.log2(size));
  if (2 ** estimate > size) return estimate - 1;
  return 2 ** (estimate + 1) <= size ? estimate + 1 : estimate;
}

/** `value` with 10 bits of fraction, to nearest, ties away from zero (PTX `cvt.rna.tf32.f32`). */
export function roundToTf32(value: number): number {
  word.setFloat32(0, value);
  word.setUint32(0, (word.getUint32(0) + 0x1000) & ~0x1fff);
  return word.getFloat32(0);
}

const word = new DataView(new ArrayBuffer(4));
