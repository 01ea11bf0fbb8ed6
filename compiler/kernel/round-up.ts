/** The least multiple of `to` that is not below `value`. */
export function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
