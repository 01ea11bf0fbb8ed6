/**
 * Reading the bytes or the numbers of one stored tensor, in pieces, so that a tensor of gigabytes
 * never needs its size again in memory on the way to where it goes.
 */

import type { TensorInfo } from "./safetensors.ts";
import { storeFloats, storeIntegers } from "./stored.ts";

/**
 * The bytes of one piece: large enough for throughput, small beside any model. A multiple of every
 * element's size.
 */
export const pieceBytes: number = 16 * 1024 * 1024;

/**
 * Where pieces go: `bytes` are those from `offset` on, counted from the tensor's first. They are
 * valid during the call.
 */
export type TensorSink = (bytes: Uint8Array, offset: number) => void | Promise<void>;

/**
 * Gives the stored bytes of `tensor` to `sink`, in order, whole elements at a time, as they are
 * stored.
 */
export async function readTensor(
  tensor: TensorInfo,
  sink: TensorSink,
  piece: number = pieceBytes,
): Promise<void> {
  for (let offset = 0; offset < tensor.bytes; offset += piece) {
    const length = Math.min(piece, tensor.bytes - offset);
    await sink(await tensor.file.read(tensor.offset + offset, length), offset);
  }
}

/**
 * The tensor as 32-bit floats, row-major, written to `target` from `at` on. F16 and BF16 widen
 * exactly, F64 rounds; whole numbers must be exact. Throws `weights/type` for other types and
 * `weights/range` for values that do not fit.
 */
export async function readFloats(
  tensor: TensorInfo,
  target: Float32Array = new Float32Array(tensor.elements),
  at: number = 0,
): Promise<Float32Array> {
  await readTensor(tensor, (bytes, offset) => {
    const first = at + offset / (tensor.bytes / tensor.elements);
    storeFloats(tensor.dtype, bytes, target, first, tensor.name);
  });
  return target;
}

/**
 * The tensor as 32-bit integers, row-major, written to `target` from `at` on. Throws `weights/type`
 * unless whole numbers are stored, and `weights/range` for one that does not fit.
 */
export async function readIntegers(
  tensor: TensorInfo,
  target: Int32Array = new Int32Array(tensor.elements),
  at: number = 0,
): Promise<Int32Array> {
  await readTensor(tensor, (bytes, offset) => {
    const first = at + offset / (tensor.bytes / tensor.elements);
    storeIntegers(tensor.dtype, bytes, target, first, tensor.name);
  });
  return target;
}
