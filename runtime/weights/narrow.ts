/**
 * The values of a stored tensor in the type that a plan stores them in. What has that type already is
 * a view of the bytes that were read; floats that are narrowed to 16 bits round to nearest, ties to
 * even, and one that is too large for them is an error that names the tensor.
 */

import type { HalfElement } from "../backend.ts";
import { BraidError } from "../errors.ts";
import { floatsToBrains, floatsToHalves } from "./half.ts";
import { halfPatterns, type StoredType, storedBits, storeFloats } from "./stored.ts";

/** Floats, or the patterns of floats of 16 bits. */
export type WeightValues = Float32Array | Uint16Array;

/** Room for so many values. */
export function emptyValues(length: number, element: HalfElement | undefined): WeightValues {
  return element === undefined ? new Float32Array(length) : new Uint16Array(length);
}

/** The elements in `bytes` as `element`, or as floats without one. */
export function storedValues(
  type: StoredType,
  bytes: Uint8Array,
  element: HalfElement | undefined,
  tensor: string,
): WeightValues {
  const same = element === undefined ? undefined : halfPatterns(type, bytes, element);
  if (same !== undefined) return same;
  const values = new Float32Array(bytes.length / (storedBits[type] / 8));
  storeFloats(type, bytes, values, 0, tensor);
  return element === undefined ? values : narrowed(values, element, tensor);
}

/** The patterns nearest to `values`; throws `weights/range` for one that has none. */
export function narrowed(values: Float32Array, element: HalfElement, tensor: string): Uint16Array {
  const patterns = new Uint16Array(values.length);
  const narrow = element === "f16" ? floatsToHalves : floatsToBrains;
  const overflow = narrow(values, patterns);
  if (overflow === undefined) return patterns;
  const message = `tensor \`${tensor}\` holds ${values[overflow]}, which is no ${element}`;
  const other = element === "f16" ? "`--precision bf16` where the device has it, or " : "";
  throw new BraidError("weights/range", message, { hint: `use ${other}\`--precision f32\`` });
}
