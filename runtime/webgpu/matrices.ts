/**
 * Matrices that subgroups multiply: an experimental feature of Chromium
 * (https://github.com/gpuweb/gpuweb/blob/main/proposals/subgroup-matrix.md). What an adapter says of
 * them is where it begins. Kernels are made for subgroups of 32, so that must be their only size, or one
 * that a kernel may ask for.
 */

import { type MatrixShape, matrixShapes, type SubgroupRange } from "../contract.ts";

const matrixFeature = "chromium-experimental-subgroup-matrix";
const sizeFeature = "subgroup-size-control";

/** The features that kernels with matrices use. */
export const matrixFeatures: readonly string[] = [matrixFeature, sizeFeature];

/** Invocations of a subgroup of kernels with matrices. */
const size = 32;

/** The shapes that the adapter lists, of those that kernels have a form for. */
export function listedMatrices(
  { features, info }: GPUAdapter,
  subgroups: SubgroupRange | undefined,
): readonly MatrixShape[] {
  if (!features.has(matrixFeature) || subgroups === undefined) return [];
  const { min, max } = subgroups;
  const isAlways = min === size && max === size;
  if (!isAlways && !(isAskable(features) && min <= size && size <= max)) return [];
  const listed: unknown = "subgroupMatrixConfigs" in info ? info.subgroupMatrixConfigs : [];
  const configs: readonly unknown[] = Array.isArray(listed) ? listed : [];
  return matrixShapes.filter((shape) => configs.some((each) => isConfig(each, shape)));
}

/** Whether an entry of the adapter's list is `shape` with sums in f32. */
function isConfig(config: unknown, { element, rows, columns, inner }: MatrixShape): boolean {
  if (typeof config !== "object" || config === null) return false;
  const types = { componentType: element, resultComponentType: "f32" };
  const wanted = { ...types, M: rows, N: columns, K: inner };
  return Object.entries(wanted).every(([key, value]) => Reflect.get(config, key) === value);
}

/** The text of a kernel for `device`: one with matrices asks for subgroups of 32 where it may. */
export function withSubgroupSize({ features }: GPUDevice, text: string): string {
  const isPlain = !text.includes("enable chromium_experimental_subgroup_matrix;");
  if (isPlain || !isAskable(features)) return text;
  const entry = text.replace("@compute ", `@compute @subgroup_size(${size}) `);
  return `enable subgroup_size_control;\n${entry}`;
}

function isAskable(features: GPUSupportedFeatures): boolean {
  return features.has(sizeFeature);
}
