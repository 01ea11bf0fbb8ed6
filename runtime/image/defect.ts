/** What may be wrong with an image file, whatever its format. */

import { BraidError } from "../errors.ts";

/** Pillow's limit for a "decompression bomb": twice a quarter of a gigabyte of RGB. */
export const mostPixels: number = 2 * Math.floor((1024 * 1024 * 1024) / 4 / 3);

/**
 * Stops before memory is taken for an image without pixels (`image/empty`) or with too many
 * (`image/too-large`).
 */
export function checkSize(width: number, height: number, name: string): void {
  const size = `${width} × ${height} pixels`;
  if (width === 0 || height === 0) {
    throw new BraidError("image/empty", `${name} says that it has ${size}`, {
      hint: "save the image again",
    });
  }
  if (width * height > mostPixels) {
    const message = `${name} says that it has ${size}; the limit is ${mostPixels}`;
    throw new BraidError("image/too-large", message, { hint: "scale the image down" });
  }
}

/** The file ends too early. */
export function truncatedImage(name: string): BraidError {
  return new BraidError("image/truncated", `${name} ends in the middle of the image`, {
    hint: "fetch or save the image again",
  });
}

/** The file breaks the rules of its format; `kind` is the format's name. */
export function corruptImage(
  kind: string,
  name: string,
  reason: string,
  cause?: unknown,
): BraidError {
  return new BraidError("image/corrupt", `${name} is a broken ${kind} image: ${reason}`, {
    hint: "save the image again",
    cause,
  });
}

/** The file uses a feature of its format that is not read here. */
export function unsupportedImage(name: string, what: string, hint: string): BraidError {
  const message = `${name} is ${what}, which is not supported`;
  return new BraidError("image/unsupported", message, { hint });
}
