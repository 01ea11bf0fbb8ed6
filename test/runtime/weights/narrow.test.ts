/** Weights become what a plan stores: as they are, or to nearest, or an error that names the tensor. */

import { expect, test } from "vitest";
import { brainToFloat, floatsToBrains, halfToFloat } from "../../../runtime/weights/half.ts";
import { narrowed, storedValues } from "../../../runtime/weights/narrow.ts";
import { halfBits } from "../../../compiler/kernel/half.ts";
import { seeded } from "../../support/random.ts";

test("what is stored so already is a view of the bytes that were read", () => {
  const bytes = new Uint8Array([1, 0x3c, 2, 0x3c]);
  for (const [type, element] of [
    ["F16", "f16"],
    ["BF16", "bf16"],
  ] as const) {
    const values = storedValues(type, bytes, element, "w");
    expect(values.buffer).toBe(bytes.buffer);
    expect([...values]).toEqual([0x3c01, 0x3c02]);
  }
});

test("other floats round to nearest, ties to even, in both types", () => {
  const next = seeded(5);
  const values = Float32Array.from({ length: 4000 }, (_, i) =>
    i % 5 === 0 ? Math.fround(1 + i * 2 ** -9) : (next() - 0.5) * 2 ** (next() * 40 - 26),
  );
  for (const element of ["f16", "bf16"] as const) {
    const found = narrowed(values, element, "w");
    expect([...found]).toEqual(Array.from(values, (value) => halfBits(value, element)));
  }
});

test("a pattern of the one type becomes one of the other by its number", () => {
  const bytes = new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x3f81).buffer);
  const values = storedValues("BF16", bytes, "f16", "w");
  expect(Array.from(values, halfToFloat)).toEqual([1, -2, 1 + 2 ** -7]);
});

test("a number that is too large is an error that names the tensor, the number and a way out", () => {
  const bytes = new Uint8Array(Float32Array.of(1, 70_000).buffer);
  expect(() => storedValues("F32", bytes, "f16", "lm_head.weight")).toThrow(
    /`lm_head.weight` holds 70000, which is no f16[\s\S]*--precision bf16/,
  );
  expect(() => narrowed(Float32Array.of(3.4e38), "bf16", "w")).toThrow("which is no bf16");
});

test("infinities and what is no number stay what they are", () => {
  const [nan = 0, infinity = 0] = narrowed(Float32Array.of(Number.NaN, Infinity), "bf16", "w");
  expect(brainToFloat(nan)).toBeNaN();
  expect(brainToFloat(infinity)).toBe(Infinity);
  // A payload that lies in the bits that are cut off does not make it an infinity.
  const patterns = new Uint16Array(1);
  const quiet = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  expect(floatsToBrains(quiet, patterns)).toBeUndefined();
  expect(brainToFloat(patterns[0] ?? 0)).toBeNaN();
});
