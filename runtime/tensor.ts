/**
 * Tensors in host memory: what goes into a session and what comes out of it.
 *
 * They are dense and row-major, and `data` has as many elements as `shape` says.
 */

import { BraidError } from "./errors.ts";

/** Numbers with a shape, on the host. */
export type HostTensor =
  | { readonly element: "f32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly element: "i32"; readonly shape: readonly number[]; readonly data: Int32Array };

/** Floats with a shape. */
export type FloatTensor = Extract<HostTensor, { readonly element: "f32" }>;

/** Whole numbers with a shape: tokens, positions. */
export type IntegerTensor = Extract<HostTensor, { readonly element: "i32" }>;

/**
 * A tensor of floats. Without a shape it is a vector. Throws `tensor/shape` if shape and data
 * differ.
 */
export function floats(
  data: Float32Array | readonly number[],
  shape?: readonly number[],
): FloatTensor {
  const values = data instanceof Float32Array ? data : Float32Array.from(data);
  return checked({ element: "f32", shape: shape ?? [values.length], data: values });
}

/**
 * A tensor of whole numbers. Without a shape it is a vector. Throws `tensor/shape` or
 * `tensor/integer`.
 */
export function integers(
  data: Int32Array | readonly number[],
  shape?: readonly number[],
): IntegerTensor {
  if (data instanceof Int32Array)
    return checked({ element: "i32", shape: shape ?? [data.length], data });
  const values = new Int32Array(data);
  for (let wrong = 0; wrong < values.length; wrong++) {
    if (data[wrong] === values[wrong]) continue;
    throw new BraidError("tensor/integer", `element ${wrong} is ${data[wrong]}, which is no i32`, {
      hint: "give whole numbers between -2³¹ and 2³¹ - 1",
    });
  }
  return checked({ element: "i32", shape: shape ?? [values.length], data: values });
}

/** How many elements a tensor of this shape has. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/**
 * The first element in which `a` and `b` differ: the first of all where their types or shapes do,
 * undefined if both hold the same bits, those of NaNs included.
 */
export function firstDifference(a: HostTensor, b: HostTensor): number | undefined {
  if (a.element !== b.element || a.shape.length !== b.shape.length) return 0;
  if (a.shape.some((size, axis) => size !== b.shape[axis])) return 0;
  const [first, second] = [bitsOf(a), bitsOf(b)];
  const differ = (i: number): number => (first[i] ?? 0) ^ (second[i] ?? 0);
  const length = first.length;
  // Four at a time, since inputs may be millions.
  let i = 0;
  while (i + 3 < length) {
    if ((differ(i) | differ(i + 1) | differ(i + 2) | differ(i + 3)) !== 0) break;
    i += 4;
  }
  while (i < length && differ(i) === 0) i++;
  return i < length ? i : undefined;
}

/**
 * The same tensor in memory of its own: that of `over`, whose content is lost, if it is as large.
 * Then only the elements from `from` on are copied: the earlier ones are the same.
 */
export function copyTensor(tensor: HostTensor, over?: HostTensor, from: number = 0): HostTensor {
  const length = tensor.data.length;
  const fits = over !== undefined && over.data.length === length;
  if (tensor.element === "f32") {
    if (!fits || over.element !== "f32") return { ...tensor, data: tensor.data.slice() };
    over.data.set(dataFrom(tensor, from), from);
    return { ...tensor, data: over.data };
  }
  if (!fits || over.element !== "i32") return { ...tensor, data: tensor.data.slice() };
  over.data.set(dataFrom(tensor, from), from);
  return { ...tensor, data: over.data };
}

/** A tensor of the type and shape of `tensor` whose numbers are those in `memory`. */
export function tensorOver(tensor: HostTensor, memory: Uint8Array): HostTensor {
  const { buffer, byteOffset } = memory;
  const length = tensor.data.length;
  return tensor.element === "f32"
    ? { ...tensor, data: new Float32Array(buffer, byteOffset, length) }
    : { ...tensor, data: new Int32Array(buffer, byteOffset, length) };
}

/**
 * The elements of a tensor from `from` on. All of them are the tensor's own array, not a view: asking a
 * small array for its memory moves that out of the heap, which costs more than the step of an answer.
 */
export function dataFrom({ data }: HostTensor, from: number): HostTensor["data"] {
  return from === 0 ? data : data.subarray(from);
}

function bitsOf(tensor: HostTensor): Int32Array {
  if (tensor.element === "i32") return tensor.data;
  return new Int32Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length);
}

function checked<T extends HostTensor>(tensor: T): T {
  const elements = elementCount(tensor.shape);
  if (elements === tensor.data.length) return tensor;
  const message = `a tensor of shape [${tensor.shape.join(", ")}] has ${elements} elements`;
  throw new BraidError("tensor/shape", `${message}, but ${tensor.data.length} are given`, {
    hint: "give as many numbers as the shape says",
  });
}
