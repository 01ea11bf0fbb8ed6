/** Small safetensors files and checkpoints for tests. */

import type { BraidError } from "../../../runtime/errors.ts";
import { type Folder, memoryFolder } from "../../../runtime/weights/folder.ts";

/** A safetensors file with `header` (JSON, or text as it is) and `data` after it. */
export function safetensorsBytes(
  header: unknown,
  data: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

/** A file of F32 tensors, each filled with 0, 1, 2, …. */
export function floatFile(shapes: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const values: number[] = [];
  for (const [name, shape] of Object.entries(shapes)) {
    const elements = shape.reduce((product, size) => product * size, 1);
    const begin = values.length * 4;
    header[name] = { dtype: "F32", shape, data_offsets: [begin, begin + elements * 4] };
    for (let i = 0; i < elements; i++) values.push(i);
  }
  return safetensorsBytes(header, new Uint8Array(Float32Array.from(values).buffer));
}

/** A folder named `weights` with the files given as bytes or text. */
export function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Folder {
  const encoder = new TextEncoder();
  const entries = Object.entries(files).map(
    ([name, content]) =>
      [name, typeof content === "string" ? encoder.encode(content) : content] as const,
  );
  return memoryFolder("weights", new Map(entries));
}

/**
 * The code and message of what `work` throws, `none` where it does not, and the error itself when
 * it is no `BraidError`.
 */
export async function failure(work: () => unknown): Promise<string> {
  try {
    await work();
    return "none";
  } catch (error) {
    if (isBraidError(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

function isBraidError(error: unknown): error is BraidError {
  return error instanceof Error && error.name === "BraidError" && "code" in error;
}
