/** Image files: the pixels in sound ones (as Pillow has them), and what is said of others. */

import { encode } from "fast-png";
import { expect, test } from "vitest";
import { decodeImage } from "../../../runtime/image/decode.ts";
import { failure } from "../weights/sample-files.ts";
import { chunk, fromBase64, noise, pillow, png } from "./sample-images.ts";

const text = (content: string): Uint8Array =>
  Uint8Array.from(content, (letter) => letter.charCodeAt(0));
const palette = chunk("PLTE", Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
const pixels = (bytes: Uint8Array): readonly number[] => [...decodeImage(bytes, "f.png").data];
const grey = (...values: readonly number[]): readonly number[] =>
  values.flatMap((value) => [value, value, value]);

test.each([
  ["1 bit", png([3, 2], [1, 0], [[0b10100000], [0b01000000]]), grey(255, 0, 255, 0, 255, 0)],
  ["2 bits", png([5, 1], [2, 0], [[0b00011011, 0b01000000]]), grey(0, 85, 170, 255, 85)],
  ["4 bits", png([2, 1], [4, 0], [[0x1f]]), grey(17, 255)],
  ["8 bits grey", png([2, 1], [8, 0], [[7, 200]]), grey(7, 200)],
  ["16 bits grey", png([2, 1], [16, 0], [[0x12, 0xff, 0xff, 0xff]]), grey(0x12, 0xff)],
  [
    "grey and alpha",
    png(
      [1, 2],
      [8, 4],
      [
        [10, 0],
        [20, 255],
      ],
    ),
    grey(10, 20),
  ],
  ["16 bits grey and alpha", png([1, 1], [16, 4], [[18, 255, 0, 0]]), grey(18)],
  ["RGB", png([1, 1], [8, 2], [[10, 20, 30]]), [10, 20, 30]],
  ["16 bits RGB", png([1, 1], [16, 2], [[0, 255, 1, 0, 0x12, 0xff]]), [0, 1, 0x12]],
  ["RGB and alpha, which is dropped", png([1, 1], [8, 6], [[10, 20, 30, 0]]), [10, 20, 30]],
  ["palette", png([3, 1], [8, 3], [[0, 2, 1]], [palette]), [1, 2, 3, 7, 8, 9, 4, 5, 6]],
  [
    "palette of 2 bits",
    png([5, 1], [2, 3], [[0b00011000, 0b01000000]], [palette]),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6],
  ],
  [
    "palette with transparency",
    png([1, 1], [8, 3], [[1]], [palette, chunk("tRNS", Uint8Array.of(0, 9))]),
    [4, 5, 6],
  ],
  ["RGB with a palette that only suggests", png([1, 1], [8, 2], [[1, 0, 2]], [palette]), [1, 0, 2]],
  ["index beyond the palette", png([1, 1], [8, 3], [[9]], [palette]), [0, 0, 0]],
  [
    "broken text and profile, which say nothing of pixels",
    png([1, 1], [8, 0], [[5]], [chunk("tEXt", text("\u0001")), chunk("iCCP", text("no"))]),
    grey(5),
  ],
])("PNG, %s", (_, file, expected) => {
  expect(pixels(file)).toEqual(expected);
});

test.each(["null", "Adam7"] as const)("PNG of many filters, interlace %s", (interlace) => {
  const image = noise([37, 23], 5);
  const file = encode({ ...image, channels: 3, depth: 8 }, { interlace });
  expect(decodeImage(file, "f.png")).toEqual(image);
});

/**
 * A sample of a sound inverse transform is off by at most one level; blue adds 1.772 times that of
 * a chroma sample, and both sides round.
 */
const jpegTolerance = Math.floor(1 + 1.772 + 1);

test.each(pillow.jpeg)("JPEG, $name", ({ file, size, pixels: expected }) => {
  const image = decodeImage(fromBase64(file), "f.jpg");
  expect([image.width, image.height]).toEqual(size);
  const wanted = fromBase64(expected);
  const worst = image.data.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - (wanted[at] ?? -999))),
    0,
  );
  expect(worst).toBeLessThanOrEqual(jpegTolerance);
  expect(image.data.length).toBe(wanted.length);
});

const jpeg = fromBase64(pillow.jpeg[0]?.file ?? "");
const frameAt = jpeg.findIndex((byte, at) => byte === 0xff && jpeg[at + 1] === 0xc0);

/** `bytes` with some of them replaced from `at` on. */
function patched(bytes: Uint8Array, at: number, ...values: readonly number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

const one = png([1, 1], [8, 0], [[5]]);
const damaged = patched(one, one.length - 17, (one[one.length - 17] ?? 0) ^ 255);

test.each<readonly [string, Uint8Array, RegExp]>([
  ["nothing", new Uint8Array(0), /image\/format: f is empty, not a PNG or JPEG image/],
  ["GIF", text("GIF89a"), /is a GIF image/],
  ["WebP", text("RIFF\0\0\0\0WEBPVP8 "), /is a WebP image/],
  ["HTML", text("\n<!DOCTYPE html><html>"), /is an HTML page/],
  ["SVG", text('<svg xmlns="…">'), /is an SVG drawing/],
  ["LFS pointer", text("version https://git-lfs.github.com/spec/v1\n"), /Git LFS pointer/],
  ["text", text("hello"), /is text/],
  ["other bytes", Uint8Array.of(1, 2, 3, 4), /of an unknown format/],
  ["PNG without pixels", png([0, 1], [8, 0], [[]]), /image\/empty: .*0 × 1/],
  [
    "PNG too large",
    png([100000, 100000], [8, 0], [[]]),
    /image\/too-large: .*100000 × 100000 pixels; the limit is 178956970/,
  ],
  ["PNG with a wrong checksum", damaged, /image\/corrupt/],
  ["PNG with too few rows", png([4, 4], [8, 0], [[1, 2, 3, 4]]), /image\/corrupt/],
  ["PNG without a palette", png([1, 1], [8, 3], [[0]]), /image\/corrupt: .*palette/],
  [
    "PNG without a header",
    Uint8Array.of(...one.subarray(0, 8), ...chunk("IEND", new Uint8Array(0))),
    /image\/corrupt: .*no header/,
  ],
  [
    "PNG interlaced at 1 bit",
    png([1, 1], [1, 0], [[0]], [], 1),
    /image\/unsupported: .*interlaced PNG image of 1 bits/,
  ],
  ["CMYK JPEG", fromBase64(pillow.cmyk), /image\/unsupported: .*4 colour components/],
  ["JPEG of 12 bits", patched(jpeg, frameAt + 4, 12), /image\/unsupported: .*12 bits/],
  ["arithmetic JPEG", patched(jpeg, frameAt + 1, 0xc9), /image\/unsupported: .*arithmetic/],
  ["JPEG without height", patched(jpeg, frameAt + 5, 0, 0), /image\/empty: .*19 × 0/],
  ["JPEG too large", patched(jpeg, frameAt + 5, 255, 255, 255, 255), /image\/too-large/],
  ["JPEG without a frame", Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /image\/corrupt: .*no frame/],
])("refused: %s", async (_, bytes, expected) => {
  expect(await failure(() => decodeImage(bytes, "f"))).toMatch(expected);
});

test("no truncation is accepted or crashes", async () => {
  for (const [whole, kept] of [
    [png([3, 2], [8, 2], [Array(9).fill(1), Array(9).fill(2)]), 8],
    [jpeg, 3],
  ] as const) {
    for (let length = kept; length < whole.length; length++) {
      expect(await failure(() => decodeImage(whole.slice(0, length), "f"))).toMatch(
        /^image\/truncated/,
      );
    }
  }
});

test("damage is decoded or refused by name, never a crash", async () => {
  const files = [
    png(
      [3, 2],
      [8, 3],
      [
        [0, 1, 2],
        [2, 1, 0],
      ],
      [palette],
    ),
    jpeg,
  ];
  for (const file of files) {
    for (let at = 3; at < file.length; at++) {
      const result = await failure(() =>
        decodeImage(patched(file, at, (file[at] ?? 0) ^ 0x55), "f"),
      );
      expect(result).toMatch(/^(none$|image\/)/);
    }
  }
});
