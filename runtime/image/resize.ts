/**
 * Resizing as Pillow does it, byte for byte.
 *
 * Models were trained on images that went through Pillow, so its arithmetic is part of their input:
 * filter coefficients in double precision, rounded to 22 fractional bits, integer sums, a
 * horizontal pass rounded to bytes before the vertical one, and a filter that widens when an image
 * shrinks (Pillow's `Resample.c`, `ImagingScaleAffine` of `Geometry.c` for the nearest neighbour).
 */

import { invariant } from "../errors.ts";
import type { RgbImage } from "./rgb.ts";

/** How new pixels are made of old ones. */
export type ResizeFilter = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** The numbers by which Pillow, and with it `preprocessor_config.json`, calls the filters. */
export const filterOfCode: readonly ResizeFilter[] = [
  "nearest",
  "lanczos",
  "bilinear",
  "bicubic",
  "box",
  "hamming",
];

/**
 * Bits after the point of a coefficient: what a 32-bit sum leaves beside 8 bits of pixel and 2 of
 * overshoot.
 */
const precision = 32 - 8 - 2;

/** `image` at `width` × `height`, both at least 1. */
export function resize(
  image: RgbImage,
  width: number,
  height: number,
  filter: ResizeFilter,
): RgbImage {
  invariant(width >= 1 && height >= 1, `resize to ${width} × ${height}`);
  if (filter === "nearest") return resizeNearest(image, width, height);
  const kernel = kernels[filter];
  const wide = width === image.width ? image : resizeRows(image, taps(image.width, width, kernel));
  return height === image.height ? wide : resizeColumns(wide, taps(image.height, height, kernel));
}

interface Kernel {
  /** Half of its width, in pixels of the smaller image. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const kernels: Readonly<Record<Exclude<ResizeFilter, "nearest">, Kernel>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function hamming(distance: number): number {
  if (distance === 0) return 1;
  if (Math.abs(distance) >= 1) return 0;
  const x = Math.abs(distance) * Math.PI;
  // Pillow writes these two constants in single precision.
  return (Math.sin(x) / x) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(x));
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/**
 * For each new pixel of a line the old ones that it is made of, and their weights in units of 2⁻²².
 */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `stride` weights for each new pixel, of which `count` are used. */
  readonly weights: Int32Array;
  readonly stride: number;
}

function taps(from: number, to: number, kernel: Kernel): Taps {
  const scale = from / to;
  const spread = Math.max(1, scale);
  const support = kernel.support * spread;
  const stride = Math.ceil(support) * 2 + 1;
  const result: Taps = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Int32Array(to * stride),
    stride,
  };
  for (let pixel = 0; pixel < to; pixel++) {
    const center = (pixel + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    const raw = Array.from({ length: count }, (_, x) =>
      kernel.weight((x + first - center + 0.5) * (1 / spread)),
    );
    const sum = raw.reduce((total, weight) => total + weight, 0);
    result.first[pixel] = first;
    result.count[pixel] = count;
    raw.forEach((weight, x) => {
      const exact = (sum === 0 ? weight : weight / sum) * (1 << precision);
      result.weights[pixel * stride + x] = Math.trunc(exact + (exact < 0 ? -0.5 : 0.5));
    });
  }
  return result;
}

function resizeRows(image: RgbImage, line: Taps): RgbImage {
  const width = line.first.length;
  const data = new Uint8Array(width * image.height * 3);
  for (let row = 0; row < image.height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * image.width + (line.first[column] ?? 0)) * 3;
      combine(image.data, from, 3, line, column, data, (row * width + column) * 3);
    }
  }
  return { width, height: image.height, data };
}

function resizeColumns(image: RgbImage, line: Taps): RgbImage {
  const { width } = image;
  const height = line.first.length;
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = ((line.first[row] ?? 0) * width + column) * 3;
      combine(image.data, from, width * 3, line, row, data, (row * width + column) * 3);
    }
  }
  return { width, height, data };
}

/**
 * One new pixel: the weighted old ones from `from` on, `step` values apart, rounded and held within
 * a byte.
 */
function combine(
  source: Uint8Array,
  from: number,
  step: number,
  line: Taps,
  pixel: number,
  target: Uint8Array,
  to: number,
): void {
  const half = 1 << (precision - 1);
  let red = half;
  let green = half;
  let blue = half;
  const count = line.count[pixel] ?? 0;
  for (let tap = 0; tap < count; tap++) {
    const weight = line.weights[pixel * line.stride + tap] ?? 0;
    const at = from + tap * step;
    red += (source[at] ?? 0) * weight;
    green += (source[at + 1] ?? 0) * weight;
    blue += (source[at + 2] ?? 0) * weight;
  }
  target[to] = clip(red >> precision);
  target[to + 1] = clip(green >> precision);
  target[to + 2] = clip(blue >> precision);
}

function clip(value: number): number {
  return Math.min(255, Math.max(0, value));
}

function resizeNearest(image: RgbImage, width: number, height: number): RgbImage {
  const columns = nearestOf(image.width, width);
  const rows = nearestOf(image.height, height);
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = ((rows[row] ?? 0) * image.width + (columns[column] ?? 0)) * 3;
      data.set(image.data.subarray(from, from + 3), (row * width + column) * 3);
    }
  }
  return { width, height, data };
}

/**
 * The old pixel under the middle of each new one; the middles are summed up, as Pillow does, not
 * multiplied.
 */
function nearestOf(from: number, to: number): Int32Array {
  const scale = from / to;
  const old = new Int32Array(to);
  let middle = scale * 0.5;
  for (let pixel = 0; pixel < to; pixel++) {
    old[pixel] = Math.min(from - 1, Math.trunc(middle));
    middle += scale;
  }
  return old;
}
