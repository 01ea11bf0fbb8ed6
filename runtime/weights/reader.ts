/**
 * Random access to the bytes of one file, wherever it lies.
 *
 * A read gives exactly the bytes asked for or throws; nobody above has to think of short reads.
 */

import { BraidError, invariant, reasonOf } from "../errors.ts";

/** One open file. `close` frees what it holds; a reader is not read after that. */
export interface ByteReader {
  /** What errors call it: a path or an address. */
  readonly name: string;
  /** Bytes in the file. */
  readonly size: number;
  /**
   * The `length` bytes from `offset` on. Both must lie within `size`. The result is the caller's to
   * read, not to change.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Stops a read that leaves the file: the callers have checked their offsets against `size`. */
export function checkRange(reader: ByteReader, offset: number, length: number): void {
  const inside = offset >= 0 && length >= 0 && offset + length <= reader.size;
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  invariant(inside && whole, `read of ${length} bytes at ${offset} of ${reader.name}`);
}

/** The error for a file that gave fewer bytes than it has. */
export function shortRead(name: string, wanted: number, got: number): BraidError {
  return new BraidError("weights/truncated", `${name} ended after ${got} of ${wanted} bytes`, {
    hint: "fetch the file again; it changed or broke off while it was read",
  });
}

/** A file that is already in memory. Reads are views, not copies. */
export function memoryReader(name: string, bytes: Uint8Array): ByteReader {
  const reader: ByteReader = {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(reader, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async close() {},
  };
  return reader;
}

/** How a reader asks for an address; the platform's `fetch` unless a test brings its own. */
export type Fetch = (address: string, options?: RequestInit) => Promise<Response>;

/**
 * The file at an address, read by ranges where the server can do that and as a whole otherwise.
 * Undefined where there is none (404); any other refusal is `weights/fetch`.
 */
export async function fetchReader(
  address: string,
  ask: Fetch = fetch,
): Promise<ByteReader | undefined> {
  const probe = await request(address, ask, { headers: { Range: "bytes=0-0" } });
  if (probe.status === 404) return undefined;
  if (!probe.ok && probe.status !== 416) throw refused(address, probe);
  const size = sizeOf(probe.headers.get("Content-Range"));
  if (probe.status === 200 || size === undefined) {
    const whole = probe.status === 200 ? probe : await request(address, ask, {});
    if (!whole.ok) throw refused(address, whole);
    return memoryReader(address, new Uint8Array(await bodyOf(address, whole)));
  }
  await bodyOf(address, probe);
  return rangeReader(address, size, ask);
}

function rangeReader(address: string, size: number, ask: Fetch): ByteReader {
  const reader: ByteReader = {
    name: address,
    size,
    async read(offset, length) {
      checkRange(reader, offset, length);
      if (length === 0) return new Uint8Array(0);
      const range = `bytes=${offset}-${offset + length - 1}`;
      const answer = await request(address, ask, { headers: { Range: range } });
      if (answer.status !== 206) throw refused(address, answer);
      const bytes = new Uint8Array(await bodyOf(address, answer));
      if (bytes.length !== length) throw shortRead(address, length, bytes.length);
      return bytes;
    },
    async close() {},
  };
  return reader;
}

/** The number after the slash in `Content-Range: bytes 0-0/1234`: the size of the whole file. */
function sizeOf(range: string | null): number | undefined {
  const total = range?.match(/\/(\d+)$/)?.[1];
  const size = total === undefined ? undefined : Number(total);
  return size !== undefined && Number.isSafeInteger(size) ? size : undefined;
}

async function request(address: string, ask: Fetch, options: RequestInit): Promise<Response> {
  try {
    return await ask(address, options);
  } catch (error) {
    throw new BraidError("weights/fetch", `${address} cannot be reached: ${reasonOf(error)}`, {
      hint: "check the address and that the server allows this page to read it (CORS)",
      cause: error,
    });
  }
}

async function bodyOf(address: string, answer: Response): Promise<ArrayBuffer> {
  try {
    return await answer.arrayBuffer();
  } catch (error) {
    throw new BraidError("weights/fetch", `${address} broke off: ${reasonOf(error)}`, {
      hint: "try again",
      cause: error,
    });
  }
}

function refused(address: string, answer: Response): BraidError {
  const message = `${address} answered ${answer.status} ${answer.statusText}`.trimEnd();
  return new BraidError("weights/fetch", message, {
    hint: "check the address and the server's log",
  });
}
