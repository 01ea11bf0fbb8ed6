/**
 * Files and folders of a disk, for Node. Everything outside `runtime/node/` runs in a browser too.
 */

import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { BraidError, type ErrorCode, reasonOf } from "../errors.ts";
import type { Folder } from "../weights/folder.ts";
import { type ByteReader, checkRange, shortRead } from "../weights/reader.ts";

/**
 * The file at `path`, or undefined where there is none; an error `code` where it cannot be read. Its
 * handle stays open until `close`.
 */
export async function fileReader(
  path: string,
  code: ErrorCode = "weights/file",
): Promise<ByteReader | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw unreadable(path, error, code);
  }
  const state = await handle.stat();
  if (!state.isFile()) {
    await handle.close();
    throw new BraidError(code, `${path} is not a file`, { hint: "give a file there" });
  }
  const reader: ByteReader = {
    name: path,
    size: state.size,
    read: (offset, length) => readFully(reader, handle, offset, length),
    close: () => handle.close(),
  };
  return reader;
}

/** The folder at `path`, which need not exist: then it has no files. */
export function diskFolder(path: string): Folder {
  return {
    name: path,
    list: () => listFiles(path),
    open: (file) => fileReader(join(path, file)),
  };
}

/** The bytes of the file at `path`; an error `code` where it cannot be read. */
export async function readBytes(
  path: string,
  code: ErrorCode = "weights/file",
): Promise<Uint8Array> {
  const reader = await fileReader(path, code);
  if (reader === undefined) {
    throw new BraidError(code, `${path} does not exist`, { hint: "check the path" });
  }
  try {
    return await reader.read(0, reader.size);
  } finally {
    await reader.close();
  }
}

/** A read of the system may give fewer bytes than asked for, and never gives more than 2 GiB. */
async function readFully(
  reader: ByteReader,
  handle: FileHandle,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  checkRange(reader, offset, length);
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const most = Math.min(length - filled, 2 ** 30);
    const { bytesRead } = await handle.read(bytes, filled, most, offset + filled);
    if (bytesRead === 0) throw shortRead(reader.name, length, filled);
    filled += bytesRead;
  }
  return bytes;
}

async function listFiles(path: string): Promise<readonly string[]> {
  const state = await stat(path).catch(() => undefined);
  return state?.isDirectory() ? (await readdir(path)).sort() : [];
}

function isAbsent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

function unreadable(path: string, error: unknown, code: ErrorCode): BraidError {
  return new BraidError(code, `${path} cannot be read: ${reasonOf(error)}`, {
    hint: "check its permissions",
    cause: error,
  });
}
