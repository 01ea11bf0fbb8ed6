/** Resizing against Pillow, byte for byte. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { filterOfCode, resize } from "../../../runtime/image/resize.ts";
import { fingerprint, noise, pillow } from "./sample-images.ts";

test.each(pillow.resize)("$filter of $from to $to", ({ from, to, filter, seed, hash }) => {
  const result = resize(noise(from, seed), to[0], to[1], filter);
  expect([result.width, result.height]).toEqual(to);
  expect(fingerprint(result.data)).toBe(hash);
});

test.each(pillow.small)("$filter of one bright pixel", ({ filter, up, down }) => {
  const line = [0, 0, 255, 0, 100].flatMap((value) => [value, 255 - value, 7]);
  const image = { width: 5, height: 1, data: Uint8Array.from(line) };
  expect([...resize(image, 8, 1, filter).data]).toEqual(up);
  expect([...resize(image, 3, 1, filter).data]).toEqual(down);
});

test("one colour stays one colour", () => {
  const side = fc.integer({ min: 1, max: 40 });
  const byte = fc.nat(255);
  fc.assert(
    fc.property(
      fc.constantFrom(...filterOfCode),
      side,
      side,
      side,
      side,
      byte,
      (filter, w, h, toW, toH, value) => {
        const image = { width: w, height: h, data: new Uint8Array(w * h * 3).fill(value) };
        const result = resize(image, toW, toH, filter).data;
        expect(result.length).toBe(toW * toH * 3);
        expect(result.every((each) => each === value)).toBe(true);
      },
    ),
    { numRuns: 300, seed: 8 },
  );
});
