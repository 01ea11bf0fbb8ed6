/**
 * PNG files: all colour types and depths, interlaced too from 8 bits on.
 *
 * The chunks are checked and sorted here, so that the decoder (fast-png) sees the critical ones
 * only: a broken text or colour profile must not keep an image from being read, and transparency is
 * dropped anyway.
 */

import { type DecodedPng, decode } from "fast-png";
import { reasonOf } from "../errors.ts";
import { checkSize, corruptImage, truncatedImage, unsupportedImage } from "./defect.ts";
import type { RgbImage } from "./rgb.ts";

/** The pixels of the PNG file in `bytes`; a signature is known to stand at its start. */
export function decodePng(bytes: Uint8Array, name: string): RgbImage {
  const critical = criticalChunks(bytes, name);
  let image: DecodedPng;
  try {
    image = decode(critical, { checkCrc: true });
  } catch (error) {
    throw corruptImage("PNG", name, reasonOf(error), error);
  }
  if (critical[25] === 3 && image.palette === undefined) {
    throw corruptImage("PNG", name, "it has no palette");
  }
  const samples = image.depth < 8 ? unpacked(image) : image.data;
  return { width: image.width, height: image.height, data: toRgb(image, samples) };
}

/**
 * Signature, header, palette, data and end of the file, after a look at each chunk's bounds and at
 * the header.
 */
function criticalChunks(bytes: Uint8Array, name: string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw truncatedImage(name);
    const end = at + 12 + view.getUint32(at);
    if (end > bytes.length) throw truncatedImage(name);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (at === 8) checkHeader(type, view, name);
    // Colour type 3 needs a palette; elsewhere one is a suggestion for old screens.
    const indexed = view.getUint8(25) === 3;
    const needed = type === "PLTE" ? indexed : /^(IHDR|IDAT|IEND)$/.test(type);
    if (needed) kept.push(bytes.subarray(at, end));
    if (type === "IEND") return concatenated(kept);
    at = end;
  }
}

function checkHeader(type: string, view: DataView, name: string): void {
  if (type !== "IHDR" || view.getUint32(8) !== 13)
    throw corruptImage("PNG", name, "it has no header");
  checkSize(view.getUint32(16), view.getUint32(20), name);
  const [depth, interlace] = [view.getUint8(24), view.getUint8(28)];
  if (depth >= 8 || interlace === 0) return;
  const what = `an interlaced PNG image of ${depth} bits`;
  throw unsupportedImage(name, what, "save it without interlacing");
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Samples of 1, 2 or 4 bits, one a byte. Rows begin at a byte; these depths have one channel. */
function unpacked({ data, width, height, depth }: DecodedPng): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  const samples = new Uint8Array(width * height);
  for (let i = 0; i < samples.length; i++) {
    const bit = (i % width) * depth;
    const byte = data[Math.floor(i / width) * rowBytes + (bit >> 3)] ?? 0;
    samples[i] = (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  }
  return samples;
}

function toRgb(image: DecodedPng, samples: ArrayLike<number>): Uint8Array {
  const { width, height, channels, depth, palette } = image;
  const rgb = new Uint8Array(width * height * 3);
  // 16 bits keep their upper byte; fewer than 8 are spread over 0 … 255.
  const toByte = (sample: number): number =>
    depth === 16 ? sample >> 8 : (sample * 255) / ((1 << depth) - 1);
  for (let i = 0; i < width * height; i++) {
    for (let colour = 0; colour < 3; colour++) {
      const channel = channels >= 3 ? colour : 0;
      const sample = samples[i * channels + channel] ?? 0;
      // An index beyond the palette is black, as in Pillow.
      rgb[i * 3 + colour] = palette ? (palette[sample]?.[colour] ?? 0) : toByte(sample);
    }
  }
  return rgb;
}
