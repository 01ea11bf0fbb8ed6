/**
 * JPEG files: baseline and progressive, grey or colour, 8 bits.
 *
 * The markers are walked here first, since the decoder (jpeg-js) takes memory before it looks, pads
 * a broken-off file with grey, and does not know which files store RGB. Its inverse transform is
 * within one level of libjpeg's; its chroma samples are repeated, not interpolated.
 */

import { decode } from "jpeg-js";
import { reasonOf } from "../errors.ts";
import { checkSize, corruptImage, mostPixels, truncatedImage, unsupportedImage } from "./defect.ts";
import type { RgbImage } from "./rgb.ts";

/** The pixels of the JPEG file in `bytes`; a start marker is known to stand at its start. */
export function decodeJpeg(bytes: Uint8Array, name: string): RgbImage {
  const markers = walk(bytes, name);
  const colorTransform = !storesRgb(markers);
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      colorTransform,
      maxResolutionInMP: mostPixels / 1e6,
      maxMemoryUsageInMB: 8192,
    });
    return { width, height, data };
  } catch (error) {
    throw corruptImage("JPEG", name, reasonOf(error), error);
  }
}

/** What the markers say, of use before the pixels are decoded. */
interface Markers {
  /** The ids of the colour components: one for grey, three for colour. */
  readonly components: readonly number[];
  readonly jfif: boolean;
  /** The colour transform of an Adobe marker: 0 is none. */
  readonly adobe: number | undefined;
}

/** RGB instead of luma and chroma, by the rules of libjpeg's `default_decompress_parms`. */
function storesRgb({ components, jfif, adobe }: Markers): boolean {
  if (components.length !== 3 || jfif) return false;
  return adobe === undefined ? String.fromCharCode(...components) === "RGB" : adobe === 0;
}

function walk(bytes: Uint8Array, name: string): Markers {
  let components: readonly number[] | undefined;
  let jfif = false;
  let adobe: number | undefined;
  for (const { marker, body } of segments(bytes, name)) {
    const text = String.fromCharCode(...body.subarray(0, 5));
    if (isFrame(marker)) components = frameComponents(marker, body, name);
    else if (marker === 0xe0 && text.startsWith("JFIF")) jfif = true;
    else if (marker === 0xee && text === "Adobe") adobe = body[11];
  }
  if (components === undefined) throw corruptImage("JPEG", name, "it has no frame");
  return { components, jfif, adobe };
}

/** Start-of-frame markers are C0 to CF but for three that stand among them. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function frameComponents(marker: number, body: Uint8Array, name: string): readonly number[] {
  if (body.length < 6) throw corruptImage("JPEG", name, "its frame is too short");
  const [precision = 0, high = 0, low = 0, left = 0, right = 0, count = 0] = body;
  checkSize(left * 256 + right, high * 256 + low, name);
  const kind = marker > 0xc2 ? "lossless, hierarchical or arithmetic coding" : undefined;
  const depth = precision === 8 ? undefined : `${precision} bits`;
  const colours = count === 1 || count === 3 ? undefined : `${count} colour components (CMYK)`;
  const unsupported = kind ?? depth ?? colours;
  if (unsupported !== undefined) {
    throw unsupportedImage(name, `a JPEG image with ${unsupported}`, "save it as 8-bit RGB");
  }
  return Array.from({ length: count }, (_, index) => body[6 + index * 3] ?? 0);
}

/**
 * The marker segments up to the end-of-image marker, scans skipped; `image/truncated` where the
 * file ends before that.
 */
function* segments(
  bytes: Uint8Array,
  name: string,
): Generator<{ readonly marker: number; readonly body: Uint8Array }> {
  let at = 2;
  while (true) {
    // In a scan FF00 is a data byte and FFD0 to FFD7 are restarts; before a marker FF may be
    // repeated.
    while (bytes[at] !== 0xff || isData(bytes[at + 1])) {
      at++;
      if (at >= bytes.length) throw truncatedImage(name);
    }
    const marker = bytes[at + 1] ?? 0;
    if (marker === 0xd9) return;
    if (at + 4 > bytes.length) throw truncatedImage(name);
    const length = (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
    if (at + 2 + length > bytes.length) throw truncatedImage(name);
    if (length < 2) throw corruptImage("JPEG", name, "a segment has no length");
    yield { marker, body: bytes.subarray(at + 4, at + 2 + length) };
    at += 2 + length;
  }
}

function isData(after: number | undefined): boolean {
  return after === 0 || after === 0xff || (after !== undefined && after >= 0xd0 && after <= 0xd7);
}
