/** The 16-bit floats, over every one of their patterns. */

import { expect, test } from "vitest";
import {
  brainsToFloats,
  brainToFloat,
  floatsToHalves,
  floatToHalf,
  halfToFloat,
  halvesToFloats,
  largestHalf,
} from "../../../runtime/weights/half.ts";

const patterns = Uint16Array.from({ length: 0x10000 }, (_, pattern) => pattern);

/** What IEEE 754 says a binary16 pattern means, in arithmetic rather than in bits. */
function meaning(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test("every half means what IEEE 754 says", () => {
  const wrong = [...patterns].filter((half) => !Object.is(halfToFloat(half), meaning(half)));
  expect(wrong).toEqual([]);
});

test("every bfloat16 is the upper half of a float", () => {
  const view = new DataView(new ArrayBuffer(4));
  const wrong = [...patterns].filter((brain) => {
    view.setUint16(0, brain);
    return !Object.is(brainToFloat(brain), view.getFloat32(0));
  });
  expect(wrong).toEqual([]);
});

test("widening and narrowing a half gives it back", () => {
  const wrong = [...patterns].filter((half) => {
    const back = floatToHalf(halfToFloat(half));
    return Number.isNaN(meaning(half)) ? !Number.isNaN(meaning(back)) : back !== half;
  });
  expect(wrong).toEqual([]);
});

test("in bulk as one by one, payloads of NaN included", () => {
  const floats = new Float32Array(0x10002);
  halvesToFloats(patterns, floats, 1);
  expect([...floats.subarray(1, -1)]).toEqual([...patterns].map(halfToFloat));
  const halves = new Uint16Array(0x10000);
  expect(floatsToHalves(floats.subarray(1, -1), halves)).toBeUndefined();
  // A signalling NaN becomes a quiet one; nothing else may change.
  const quiet = patterns.map((half) => (Number.isNaN(meaning(half)) ? half | 0x200 : half));
  expect([...halves]).toEqual([...quiet]);
  brainsToFloats(patterns, floats, 2);
  expect([...floats.subarray(2)]).toEqual([...patterns].map(brainToFloat));
});

test("between neighbours the nearer one wins, and the even one at the middle", () => {
  const finite = [...patterns].filter((half) => half < 0x7bff);
  const wrong = finite.filter((half) => {
    const low = meaning(half);
    const middle = (low + meaning(half + 1)) / 2;
    const even = half % 2 === 0 ? half : half + 1;
    // The middle of two halves has 12 significant bits, so it and its neighbours are floats.
    const step = Math.max(middle * 2 ** -23, 2 ** -149);
    return (
      floatToHalf(middle) !== even ||
      floatToHalf(middle - step) !== half ||
      floatToHalf(middle + step) !== half + 1 ||
      floatToHalf(-middle) !== (even | 0x8000)
    );
  });
  expect(wrong).toEqual([]);
});

test.each([
  [largestHalf, 0x7bff],
  [65519.99609375, 0x7bff],
  [65520, 0x7c00],
  [-65520, 0xfc00],
  [Number.POSITIVE_INFINITY, 0x7c00],
  [2 ** -25, 0],
  [-(2 ** -25), 0x8000],
  [2 ** -25 * (1 + 2 ** -23), 1],
  [2 ** -24, 1],
  [1e-45, 0],
])("%s as a half", (value, half) => {
  expect(floatToHalf(value)).toBe(half);
});

test("overflow is reported by its place; infinity itself is none", () => {
  const target = new Uint16Array(4);
  const infinite = Float32Array.of(1, Number.POSITIVE_INFINITY, 65504, Number.NaN);
  expect(floatsToHalves(infinite, target)).toBeUndefined();
  expect(floatsToHalves(Float32Array.of(1, 2, -70000, 1e9), target)).toBe(2);
});
