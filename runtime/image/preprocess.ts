/**
 * Pixels → what the vision tower takes, as the transformers processor named in
 * `preprocessor_config.json` does it.
 *
 * The order is resize, center crop, rescale, normalize; the arithmetic is numpy's: the product with
 * the rescale factor in double precision, rounded to single; mean and deviation in single
 * precision. So the values equal those of the slow processors of transformers, bit by bit.
 */

import type { PreprocessSettings } from "./preprocess-settings.ts";
import { resize } from "./resize.ts";
import type { RgbImage } from "./rgb.ts";

/** An image as a tensor `[Channel, Row, Col]`, row-major, three channels. */
export interface ImageTensor {
  readonly rows: number;
  readonly columns: number;
  /** `3 * rows * columns` values. */
  readonly data: Float32Array;
}

/** Does to `image` what `settings` say. */
export function preprocess(image: RgbImage, settings: PreprocessSettings): ImageTensor {
  const resized = settings.resize === undefined ? image : resizeTo(image, settings.resize);
  const cropped = settings.crop === undefined ? resized : centerCrop(resized, settings.crop);
  return toTensor(cropped, settings);
}

function resizeTo(image: RgbImage, to: NonNullable<PreprocessSettings["resize"]>): RgbImage {
  if (to.kind === "exact") return resize(image, to.width, to.height, to.filter);
  const short = Math.min(image.width, image.height);
  // Python's int() cuts the fraction off.
  const scaled = (side: number): number =>
    Math.max(1, Math.trunc((to.shortestEdge * side) / short));
  const wide = image.width > image.height;
  const width = wide ? scaled(image.width) : to.shortestEdge;
  const height = wide ? to.shortestEdge : scaled(image.height);
  return resize(image, width, height, to.filter);
}

/** The middle of `image`; where it is too small, black stands around it. */
function centerCrop(
  image: RgbImage,
  { width, height }: { readonly width: number; readonly height: number },
): RgbImage {
  const top = Math.floor((image.height - height) / 2);
  const left = Math.floor((image.width - width) / 2);
  const data = new Uint8Array(width * height * 3);
  for (let row = Math.max(0, -top); row < Math.min(height, image.height - top); row++) {
    const first = Math.max(0, -left);
    const end = Math.min(width, image.width - left);
    const from = ((row + top) * image.width + first + left) * 3;
    const pixels = image.data.subarray(from, from + (end - first) * 3);
    data.set(pixels, (row * width + first) * 3);
  }
  return { width, height, data };
}

function toTensor(image: RgbImage, settings: PreprocessSettings): ImageTensor {
  const { width, height } = image;
  const data = new Float32Array(3 * width * height);
  for (let channel = 0; channel < 3; channel++) {
    const values = valueOfByte(channel, settings);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const byte = image.data[pixel * 3 + channel] ?? 0;
      data[channel * width * height + pixel] = values[byte] ?? 0;
    }
  }
  return { rows: height, columns: width, data };
}

/** What each of the 256 values of a byte becomes in one channel. */
function valueOfByte(channel: number, { factor, normalize }: PreprocessSettings): Float32Array {
  const mean = Math.fround(normalize?.mean[channel] ?? 0);
  const deviation = Math.fround(normalize?.deviation[channel] ?? 1);
  return Float32Array.from({ length: 256 }, (_, byte) => {
    const scaled = Math.fround(byte * (factor ?? 1));
    return Math.fround(scaled - mean) / deviation;
  });
}
