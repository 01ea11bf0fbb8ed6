/** Images for tests, and what Pillow and numpy made of them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import type { JsonRecord } from "../../../runtime/json.ts";
import type { ResizeFilter } from "../../../runtime/image/resize.ts";
import type { RgbImage } from "../../../runtime/image/rgb.ts";

type Pair = readonly [number, number];

/** The layout of `pillow.json`, whose `note` says how it was made. */
interface PillowResults {
  readonly resize: readonly {
    readonly from: Pair;
    readonly to: Pair;
    readonly filter: ResizeFilter;
    readonly seed: number;
    readonly hash: number;
  }[];
  readonly small: readonly {
    readonly filter: ResizeFilter;
    readonly up: readonly number[];
    readonly down: readonly number[];
  }[];
  readonly preprocess: readonly {
    readonly name: string;
    readonly from: Pair;
    readonly seed: number;
    readonly settings: JsonRecord;
    readonly shape: Pair;
    readonly first: readonly number[];
    readonly hash: number;
  }[];
  readonly jpeg: readonly {
    readonly name: string;
    readonly size: Pair;
    readonly file: string;
    readonly pixels: string;
  }[];
  readonly cmyk: string;
}

export const pillow: PillowResults = JSON.parse(
  readFileSync(join(import.meta.dirname, "pillow.json"), "utf8"),
);

/** The image that `pillow.json` calls noise. */
export function noise([width, height]: Pair, seed: number): RgbImage {
  let state = seed;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  return { width, height, data };
}

/** FNV-1a of some bytes. */
export function fingerprint(bytes: Uint8Array): number {
  return bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "base64"));
}

/** One chunk of a PNG file. */
export function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, checksum(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/**
 * A PNG file of the given size, depth and colour type; `rows` are its unfiltered rows, `extra`
 * chunks stand before them.
 */
export function png(
  [width, height]: Pair,
  [depth, type]: Pair,
  rows: readonly (readonly number[])[],
  extra: readonly Uint8Array[] = [],
  interlace = 0,
): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, type, 0, 0, interlace], 8);
  const data = deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])));
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const chunks = [
    chunk("IHDR", header),
    ...extra,
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ];
  return Uint8Array.from([signature, ...chunks].flatMap((part) => [...part]));
}

/** CRC-32 as PNG has it. */
function checksum(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
