/** A picture as the preprocessing sees it: what Pillow calls mode RGB. */

/**
 * Eight bits for each of red, green and blue, rows from the top, pixels from the left, no padding.
 */
export interface RgbImage {
  /** At least 1. */
  readonly width: number;
  /** At least 1. */
  readonly height: number;
  /** `height * width * 3` values. */
  readonly data: Uint8Array;
}
