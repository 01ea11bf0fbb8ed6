/**
 * The two 16-bit float types of checkpoints, as bit patterns.
 *
 * `half` is IEEE binary16 (F16), `brain` is bfloat16 (BF16): the upper half of a binary32. Widening
 * either is exact, for every pattern, infinities, NaN payloads and subnormals included. Narrowing
 * to half rounds to nearest, ties to even.
 */

import { invariant } from "../errors.ts";

/** The largest finite half; what rounds beyond it has no half. */
export const largestHalf: number = 65504;

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The binary32 pattern of each of the 65,536 halves. */
const widened: Uint32Array = Uint32Array.from({ length: 0x10000 }, (_, half) => widenBits(half));

/** The number that the binary16 pattern `half` stands for. */
export function halfToFloat(half: number): number {
  bits[0] = widened[half] ?? 0;
  return float[0] ?? 0;
}

/** The number that the bfloat16 pattern `brain` stands for. */
export function brainToFloat(brain: number): number {
  bits[0] = brain << 16;
  return float[0] ?? 0;
}

/**
 * The binary16 pattern nearest to `value` (first rounded to binary32), ties to even; infinity
 * beyond 65,519.
 */
export function floatToHalf(value: number): number {
  float[0] = value;
  return narrowBits(bits[0] ?? 0);
}

/** Widens all of `source` (binary16 patterns) into `target` from `at` on. */
export function halvesToFloats(source: Uint16Array, target: Float32Array, at: number = 0): void {
  invariant(at + source.length <= target.length, "halvesToFloats writes past its target");
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) words[at + i] = widened[source[i] ?? 0] ?? 0;
}

/** Widens all of `source` (bfloat16 patterns) into `target` from `at` on. */
export function brainsToFloats(source: Uint16Array, target: Float32Array, at: number = 0): void {
  invariant(at + source.length <= target.length, "brainsToFloats writes past its target");
  const words = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) words[at + i] = (source[i] ?? 0) << 16;
}

/**
 * Narrows all of `source` into `target` from `at` on. Gives the index in `source` of the first
 * finite value that has no half because it is too large, or undefined; the caller knows which
 * tensor to name.
 */
export function floatsToHalves(
  source: Float32Array,
  target: Uint16Array,
  at: number = 0,
): number | undefined {
  invariant(at + source.length <= target.length, "floatsToHalves writes past its target");
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  let overflow: number | undefined;
  for (let i = 0; i < source.length; i++) {
    const word = words[i] ?? 0;
    const half = narrowBits(word);
    if ((half & 0x7fff) === 0x7c00 && (word & 0x7fffffff) !== 0x7f800000) overflow ??= i;
    target[at + i] = half;
  }
  return overflow;
}

/** The same for bfloat16. */
export function floatsToBrains(source: Float32Array, target: Uint16Array): number | undefined {
  invariant(source.length <= target.length, "floatsToBrains writes past its target");
  const words = new Uint32Array(source.buffer, source.byteOffset, source.length);
  let overflow: number | undefined;
  for (let i = 0; i < source.length; i++) {
    const word = words[i] ?? 0;
    const isNumber = (word & 0x7fffffff) < 0x7f800000;
    // A NaN stays one even when its payload lies in the bits that are cut off.
    const nan = (word & 0x7fffffff) > 0x7f800000 ? 0x40 : 0;
    const brain = isNumber ? (word + 0x7fff + ((word >>> 16) & 1)) >>> 16 : (word >>> 16) | nan;
    if (isNumber && (brain & 0x7fff) === 0x7f80) overflow ??= i;
    target[i] = brain;
  }
  return overflow;
}

/** binary16 pattern → binary32 pattern. */
function widenBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  // A subnormal half is fraction × 2⁻²⁴; its leading one becomes the hidden bit of a normal
  // binary32.
  const leading = 31 - Math.clz32(fraction);
  return (sign | ((leading + 103) << 23) | ((fraction << (23 - leading)) & 0x7fffff)) >>> 0;
}

/** binary32 pattern → binary16 pattern, to nearest, ties to even. */
function narrowBits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const size = word & 0x7fffffff;
  // A NaN stays one even when its payload lies in the bits that are cut off.
  if (size > 0x7f800000) return sign | 0x7e00 | ((size >>> 13) & 0x3ff);
  // 65,520 lies halfway between the largest half and the next power of two, and rounds up to
  // "even".
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size >= 0x38800000) {
    const rebased = size - 0x38000000;
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  // Below half of the least subnormal, 2⁻²⁵, nothing is left; 2⁻²⁵ itself ties to the even zero.
  if (size <= 0x33000000) return sign;
  const shift = 126 - (size >>> 23);
  const significand = (size & 0x7fffff) | 0x800000;
  const whole = significand >>> shift;
  const rest = significand & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const up = rest > middle || (rest === middle && (whole & 1) === 1);
  return sign | (whole + (up ? 1 : 0));
}
