/**
 * A folder of files, wherever it lies: on a disk (`runtime/node/files.ts`), behind an address, or
 * in memory.
 *
 * A folder is flat. A file that is not there is `undefined`, not an error: only the one who asks
 * knows whether it is needed.
 */

import { BraidError } from "../errors.ts";
import { type JsonRecord, parseRecord } from "../json.ts";
import { type ByteReader, type Fetch, fetchReader, memoryReader } from "./reader.ts";

/** Where a checkpoint's files are. */
export interface Folder {
  /** What errors call it: a path or an address. */
  readonly name: string;
  /** The names of its files, where they can be listed; used to say what was found instead. */
  readonly list?: () => Promise<readonly string[]>;
  /** Opens `file`; undefined where the folder has none. */
  open(file: string): Promise<ByteReader | undefined>;
}

/** The UTF-8 text of `file` in `folder`, or undefined where there is none. */
export async function readText(folder: Folder, file: string): Promise<string | undefined> {
  const reader = await folder.open(file);
  if (reader === undefined) return undefined;
  try {
    const bytes = await reader.read(0, reader.size);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof BraidError) throw error;
    throw new BraidError("json/syntax", `${reader.name} is not UTF-8 text`, { cause: error });
  } finally {
    await reader.close();
  }
}

/** The JSON object in `file` of `folder`, or undefined where there is no such file. */
export async function readSettings(folder: Folder, file: string): Promise<JsonRecord | undefined> {
  const text = await readText(folder, file);
  return text === undefined ? undefined : parseRecord(text, pathIn(folder, file));
}

/**
 * The JSON object in `file` of `folder`; `weights/no-file` says what the file is for where there is
 * none.
 */
export async function requireSettings(
  folder: Folder,
  file: string,
  purpose: string,
): Promise<JsonRecord> {
  const settings = await readSettings(folder, file);
  if (settings !== undefined) return settings;
  throw new BraidError("weights/no-file", `${folder.name} has no ${file}, ${purpose}`, {
    hint: `put the ${file} of the checkpoint into that folder${await found(folder)}`,
  });
}

/** What errors call `file` of `folder`. */
export function pathIn(folder: Folder, file: string): string {
  return folder.name.endsWith("/") ? `${folder.name}${file}` : `${folder.name}/${file}`;
}

/** "; it holds a, b and 3 more", for a hint; empty where the folder cannot be listed. */
export async function found(folder: Folder): Promise<string> {
  const files = await folder.list?.();
  if (files === undefined) return "";
  if (files.length === 0) return "; it is empty or does not exist";
  const shown = files.slice(0, 8).join(", ");
  return `; it holds ${shown}${files.length > 8 ? ` and ${files.length - 8} more` : ""}`;
}

/** A folder whose files are already in memory. */
export function memoryFolder(name: string, files: ReadonlyMap<string, Uint8Array>): Folder {
  const folder: Folder = {
    name,
    list: async () => [...files.keys()],
    async open(file) {
      const bytes = files.get(file);
      return bytes === undefined ? undefined : memoryReader(pathIn(folder, file), bytes);
    },
  };
  return folder;
}

/** The folder at an address: `file` is at `<address>/<file>`. */
export function fetchFolder(address: string, ask: Fetch = fetch): Folder {
  const name = address.replace(/\/+$/, "");
  return { name, open: (file) => fetchReader(`${name}/${encodeURIComponent(file)}`, ask) };
}
