/** The forms that a kernel may have besides the one that every device runs, and which device gets which. */

/** Invocations of a subgroup, from the least to the most that there may be. */
export interface SubgroupRange {
  readonly min: number;
  readonly max: number;
}

/** Whether a device whose subgroups have any size of `device` runs what is made for `wanted`. */
export function fitsSubgroups(
  wanted: SubgroupRange | undefined,
  device: SubgroupRange | undefined,
): boolean {
  if (wanted === undefined || device === undefined) return false;
  return device.min >= wanted.min && device.max <= wanted.max;
}

/**
 * How WebAssembly kernels multiply four lanes and add: `fused` in one instruction of relaxed SIMD, which
 * rounds once, or `separate` in two, which every engine has.
 */
export type MultiplyAdd = "fused" | "separate";

/** The file of all kernels of a plan for the CPU, beside it. */
export function moduleFile(multiplyAdd: MultiplyAdd): string {
  return multiplyAdd === "fused" ? "kernels.fused.wasm" : "kernels.wasm";
}

/** What the factors of a matrix product in one instruction are; its sums are f32. */
export type MatrixElement = "f16" | "f32";

/** Matrices that a subgroup multiplies at once: rows × inner by inner × columns. */
export interface MatrixShape {
  readonly element: MatrixElement;
  readonly rows: number;
  readonly columns: number;
  readonly inner: number;
}

/** The shapes that kernels have a form for, the best first. */
export const matrixShapes: readonly MatrixShape[] = [
  { element: "f16", rows: 16, columns: 16, inner: 16 },
  { element: "f16", rows: 8, columns: 16, inner: 16 },
  { element: "f32", rows: 8, columns: 8, inner: 8 },
];

/** `f16-16x16x16`: factors, rows, columns and inner elements. */
export function matrixName({ element, rows, columns, inner }: MatrixShape): string {
  return `${element}-${rows}x${columns}x${inner}`;
}

/** The shape of `device`, the best first, that a kernel has a form for; undefined if there is none. */
export function fittingMatrices(
  wanted: readonly MatrixElement[] | undefined,
  device: readonly MatrixShape[],
): MatrixShape | undefined {
  return device.find(({ element }) => wanted?.includes(element));
}
