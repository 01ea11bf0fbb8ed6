/**
 * The element types that a safetensors file may hold, and how the ones Braid computes with become
 * f32 or i32.
 *
 * A conversion either keeps each value (rounding binary64 to binary32 aside) or is refused by name;
 * no element turns into infinity or wraps round.
 */

import { BraidError, invariant } from "../errors.ts";
import { brainsToFloats, halvesToFloats } from "./half.ts";

/** Bits of one element, for every type of the format (safetensors 0.6). */
export const storedBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** The name of an element type in a file's header. */
export type StoredType = keyof typeof storedBits;

/** Whether `name` is an element type of the format. */
export function isStoredType(name: unknown): name is StoredType {
  return typeof name === "string" && Object.hasOwn(storedBits, name);
}

/** The elements of some bytes, in the widest typed array that shows them exactly. */
type Elements =
  | { readonly kind: "half" | "brain"; readonly values: Uint16Array }
  | { readonly kind: "double"; readonly values: Float64Array }
  | { readonly kind: "float"; readonly values: Float32Array }
  | { readonly kind: "whole"; readonly values: ArrayLike<number | bigint> };

/** Writes the elements in `bytes` to `target` from `at` on; `tensor` is what errors call it. */
export function storeFloats(
  type: StoredType,
  bytes: Uint8Array,
  target: Float32Array,
  at: number,
  tensor: string,
): void {
  const elements = elementsOf(type, bytes, tensor);
  switch (elements.kind) {
    case "half":
      halvesToFloats(elements.values, target, at);
      return;
    case "brain":
      brainsToFloats(elements.values, target, at);
      return;
    case "float":
      target.set(elements.values, at);
      return;
    case "double":
      storeEach(elements.values, target, at, (value, float) => {
        if (Math.abs(float) !== Number.POSITIVE_INFINITY || float === value) return;
        throw tooLarge(tensor, value, "32-bit float");
      });
      return;
    case "whole":
      storeEach(elements.values, target, at, (value, float) => {
        if (BigInt(value) !== BigInt(float)) throw tooLarge(tensor, value, "exact 32-bit float");
      });
  }
}

/** The patterns in `bytes`, if they are floats of the type `element`: a view where that can be. */
export function halfPatterns(
  type: StoredType,
  bytes: Uint8Array,
  element: "f16" | "bf16",
): Uint16Array | undefined {
  if (type !== { f16: "F16", bf16: "BF16" }[element]) return undefined;
  const { buffer, byteOffset, byteLength } = aligned(bytes, 2);
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

/**
 * Writes the whole numbers in `bytes` to `target` from `at` on; floats are refused, even whole
 * ones.
 */
export function storeIntegers(
  type: StoredType,
  bytes: Uint8Array,
  target: Int32Array,
  at: number,
  tensor: string,
): void {
  const elements = elementsOf(type, bytes, tensor);
  if (elements.kind !== "whole") {
    const message = `tensor \`${tensor}\` holds ${type}, but whole numbers are needed`;
    throw new BraidError("weights/type", message, {
      hint: "declare the weight as float, or store it as I32",
    });
  }
  storeEach(elements.values, target, at, (value, integer) => {
    if (BigInt(value) !== BigInt(integer)) throw tooLarge(tensor, value, "32-bit integer");
  });
}

function storeEach(
  values: ArrayLike<number | bigint>,
  target: Float32Array | Int32Array,
  at: number,
  check: (value: number | bigint, stored: number) => void,
): void {
  invariant(at + values.length <= target.length, "a tensor is written past its target");
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    target[at + i] = Number(value);
    check(value, target[at + i] ?? 0);
  }
}

/** The bytes as numbers. The format is little-endian, as is every machine that runs WebAssembly. */
function elementsOf(type: StoredType, bytes: Uint8Array, tensor: string): Elements {
  const { buffer, byteOffset, byteLength } = aligned(bytes, storedBits[type] / 8);
  switch (type) {
    case "F32":
      return { kind: "float", values: new Float32Array(buffer, byteOffset, byteLength / 4) };
    case "F16":
      return { kind: "half", values: new Uint16Array(buffer, byteOffset, byteLength / 2) };
    case "BF16":
      return { kind: "brain", values: new Uint16Array(buffer, byteOffset, byteLength / 2) };
    case "F64":
      return { kind: "double", values: new Float64Array(buffer, byteOffset, byteLength / 8) };
    case "BOOL":
    case "U8":
      return { kind: "whole", values: new Uint8Array(buffer, byteOffset, byteLength) };
    case "I8":
      return { kind: "whole", values: new Int8Array(buffer, byteOffset, byteLength) };
    case "I16":
      return { kind: "whole", values: new Int16Array(buffer, byteOffset, byteLength / 2) };
    case "U16":
      return { kind: "whole", values: new Uint16Array(buffer, byteOffset, byteLength / 2) };
    case "I32":
      return { kind: "whole", values: new Int32Array(buffer, byteOffset, byteLength / 4) };
    case "U32":
      return { kind: "whole", values: new Uint32Array(buffer, byteOffset, byteLength / 4) };
    case "I64":
      return { kind: "whole", values: new BigInt64Array(buffer, byteOffset, byteLength / 8) };
    case "U64":
      return { kind: "whole", values: new BigUint64Array(buffer, byteOffset, byteLength / 8) };
    default:
      throw new BraidError(
        "weights/type",
        `tensor \`${tensor}\` holds ${type}, which Braid cannot read`,
        {
          hint: "convert it to F32, F16 or BF16; quantised and complex types are not supported",
        },
      );
  }
}

/**
 * The same bytes where a typed array of `elementBytes` may begin: a copy only where they lie askew.
 */
function aligned(bytes: Uint8Array, elementBytes: number): Uint8Array {
  return bytes.byteOffset % Math.max(1, elementBytes) === 0 ? bytes : bytes.slice();
}

function tooLarge(tensor: string, value: number | bigint, target: string): BraidError {
  return new BraidError(
    "weights/range",
    `tensor \`${tensor}\` holds ${value}, which is no ${target}`,
    {
      hint: "store the tensor in a type that Braid computes with, F32 or I32",
    },
  );
}
