/**
 * The header of a safetensors file, with every defect refused by name.
 *
 * A file is eight bytes of length, that many bytes of JSON (`name → { dtype, shape, data_offsets
 * }`), then the tensors. What holds of a `SafetensorsFile`: each tensor's bytes are its shape times
 * its type, lie inside the file, and the tensors cover the data without overlap or gap, as the
 * format demands. So a read of a listed tensor can only fail because the file changed.
 *
 * Format: https://github.com/huggingface/safetensors (README, "Format").
 */

import { BraidError, reasonOf } from "../errors.ts";
import { describe, isRecord, type JsonRecord, member, parseRecord, repeatedKey } from "../json.ts";
import type { ByteReader } from "./reader.ts";
import { isStoredType, type StoredType, storedBits } from "./stored.ts";

/** Where a tensor lies and what it holds. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: StoredType;
  /** As stored, row-major; empty for a scalar. */
  readonly shape: readonly number[];
  /** The product of `shape`. */
  readonly elements: number;
  /** The file that holds it; its name is for errors. */
  readonly file: ByteReader;
  /** Its first byte, counted from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** An open file whose header has been read and found sound. */
export interface SafetensorsFile {
  readonly reader: ByteReader;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The writer's own notes (`__metadata__`), such as `format: pt`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** The format's own limit on a header. */
const largestHeader = 100_000_000;

/**
 * Reads and checks the header of `reader`. Throws a `weights/…` error that names the file, the
 * tensor and the defect.
 */
export async function openSafetensors(reader: ByteReader): Promise<SafetensorsFile> {
  const length = await readHeaderLength(reader);
  const header = parseHeader(await reader.read(8, length), reader.name);
  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => tensorOf(name, entry, reader, 8 + length));
  checkCover(tensors, reader, 8 + length);
  return {
    reader,
    tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
    metadata: metadataOf(header, reader.name),
  };
}

async function readHeaderLength(reader: ByteReader): Promise<number> {
  if (reader.size < 8) {
    throw truncated(reader, `has ${reader.size} bytes, fewer than the 8 of a header length`);
  }
  const bytes = await reader.read(0, 8);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(largestHeader)) {
    throw defect("weights/header", reader.name, `says that its header has ${length} bytes`, {
      hint: `the limit is ${largestHeader}; this is probably not a safetensors file`,
    });
  }
  if (8 + Number(length) > reader.size) {
    const message = `says that its header has ${length} bytes, but ${reader.size - 8} follow`;
    throw truncated(reader, message);
  }
  return Number(length);
}

function parseHeader(bytes: Uint8Array, file: string): JsonRecord {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw defect("weights/header", file, "has a header that is not UTF-8", { cause: error });
  }
  let header: JsonRecord;
  try {
    header = parseRecord(text, "the header");
  } catch (error) {
    const reason = reasonOf(error).split("\n")[0];
    throw defect("weights/header", file, `has a broken header: ${reason}`, { cause: error });
  }
  const repeated = repeatedKey(text);
  if (repeated === undefined) return header;
  throw defect("weights/header", file, `lists \`${repeated}\` twice in its header`, {});
}

function tensorOf(name: string, entry: unknown, reader: ByteReader, start: number): TensorInfo {
  const file = reader.name;
  if (!isRecord(entry)) {
    throw defect("weights/header", file, `describes tensor \`${name}\` by ${describe(entry)}`, {});
  }
  const dtype = member(entry, "dtype");
  if (!isStoredType(dtype)) {
    const message = `gives tensor \`${name}\` the unknown type ${describe(dtype)}`;
    throw defect("weights/type", file, message, {
      hint: `the types are ${Object.keys(storedBits).join(", ")}`,
    });
  }
  const shape = shapeOf(name, member(entry, "shape"), file);
  const elements = shape.reduce((product, size) => product * size, 1);
  const [begin, end] = offsetsOf(name, member(entry, "data_offsets"), file);
  const bits = elements * storedBits[dtype];
  if (!Number.isSafeInteger(bits)) {
    throw defect(
      "weights/shape",
      file,
      `gives tensor \`${name}\` an impossible shape [${shape}]`,
      {},
    );
  }
  if ((end - begin) * 8 !== bits) {
    const stored = `stores ${end - begin} bytes for tensor \`${name}\``;
    const message = `${stored}, but ${dtype} [${shape}] takes ${bits / 8}`;
    throw defect("weights/length", file, message, {});
  }
  if (start + end > reader.size) {
    const message = `ends ${start + end - reader.size} bytes before the end of tensor \`${name}\``;
    throw truncated(reader, message);
  }
  return { name, dtype, shape, elements, file: reader, offset: start + begin, bytes: end - begin };
}

function shapeOf(name: string, shape: unknown, file: string): readonly number[] {
  if (Array.isArray(shape) && shape.every(isCount)) return shape;
  const message = `gives tensor \`${name}\` the shape ${JSON.stringify(shape)}`;
  throw defect("weights/shape", file, message, { hint: "a shape is a list of whole numbers" });
}

function offsetsOf(name: string, offsets: unknown, file: string): readonly [number, number] {
  if (Array.isArray(offsets) && offsets.length === 2) {
    const [begin, end]: readonly unknown[] = offsets;
    if (isCount(begin) && isCount(end) && begin <= end) return [begin, end];
  }
  const message = `gives tensor \`${name}\` the data offsets ${JSON.stringify(offsets)}`;
  throw defect("weights/offsets", file, message, { hint: "offsets are a begin and a later end" });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && typeof value === "number" && value >= 0;
}

/**
 * The tensors, in the order of their bytes, must follow each other from the header to the end of
 * the file.
 */
function checkCover(tensors: readonly TensorInfo[], reader: ByteReader, start: number): void {
  const ordered = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = start;
  let before = "the header";
  for (const { name, offset, bytes } of ordered) {
    if (offset < end) {
      const message = `lets tensor \`${name}\` overlap ${before} by ${end - offset} bytes`;
      throw defect("weights/offsets", reader.name, message, {});
    }
    if (offset > end) {
      const message = `leaves ${offset - end} bytes between ${before} and tensor \`${name}\``;
      throw defect("weights/offsets", reader.name, message, {});
    }
    end = offset + bytes;
    before = `tensor \`${name}\``;
  }
  if (end !== reader.size) {
    const message = `has ${reader.size - end} bytes after ${before}, the last thing in it`;
    throw defect("weights/offsets", reader.name, message, {});
  }
}

function metadataOf(header: JsonRecord, file: string): ReadonlyMap<string, string> {
  const notes = member(header, "__metadata__");
  if (notes === undefined) return new Map();
  if (!isRecord(notes)) {
    throw defect("weights/header", file, `has ${describe(notes)} as its \`__metadata__\``, {});
  }
  return new Map(
    Object.entries(notes).map(([key, note]) => {
      if (typeof note === "string") return [key, note];
      const message = `has ${describe(note)} as \`${key}\` of its \`__metadata__\`, not a string`;
      throw defect("weights/header", file, message, {});
    }),
  );
}

function truncated(reader: ByteReader, message: string): BraidError {
  return defect("weights/truncated", reader.name, message, {
    hint: "fetch the file again; a half-finished download looks like this",
  });
}

function defect(
  code: `weights/${string}`,
  file: string,
  message: string,
  details: { readonly hint?: string; readonly cause?: unknown },
): BraidError {
  const hint = details.hint ?? "write the file again with the safetensors library";
  return new BraidError(code, `${file} ${message}`, { ...details, hint });
}
