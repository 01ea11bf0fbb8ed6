/** Questions about counts of rows, invocations and elements. */

/** The least multiple of `to` that is not below `value`. */
export function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** Whether `value` is 1, 2, 4, 8 and so on. */
export function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}
