/**
 * Bytes of an image file → its pixels, as `PIL.Image.open(…).convert("RGB")` gives them.
 *
 * Alpha is dropped without blending, grey is repeated, palettes are looked up, an EXIF orientation
 * is not applied. What differs from Pillow: 16-bit grey keeps its upper byte (Pillow saturates it
 * to white), and JPEG chroma is not smoothed between its samples.
 */

import { BraidError } from "../errors.ts";
import { decodeJpeg } from "./jpeg.ts";
import { decodePng } from "./png.ts";
import type { RgbImage } from "./rgb.ts";
import { looksLike } from "./sniff.ts";

/**
 * The pixels in `bytes`; `name` is what errors call the file. Throws an `image/…` error for what is
 * no sound PNG or JPEG.
 */
export function decodeImage(bytes: Uint8Array, name: string): RgbImage {
  return expectImage(bytes, name) === "PNG" ? decodePng(bytes, name) : decodeJpeg(bytes, name);
}

/** What `bytes` begin as; an `image/format` error where that is neither. */
export function expectImage(bytes: Uint8Array, name: string): "PNG" | "JPEG" {
  const kind = looksLike(bytes);
  if (kind === "PNG" || kind === "JPEG") return kind;
  throw new BraidError("image/format", `${name} is ${kind}, not a PNG or JPEG image`, {
    hint: "save it as PNG or JPEG",
  });
}
