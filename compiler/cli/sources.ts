/** Spec files on disk, and what messages call them. */

import { readFileSync, statSync } from "node:fs";
import { dirname, relative, resolve as resolvePath } from "node:path";
import type { Source } from "../../grammar/source.ts";
import { UsageError } from "./usage-error.ts";

/** Reads a spec that the user named. Throws `UsageError` if it cannot be read. */
export function readSource(path: string): Source {
  let bytes: Uint8Array;
  try {
    const found = statSync(path);
    if (found.isDirectory()) {
      throw new UsageError(`${path} is a folder`, `name a file in it, such as ${path}/model.braid`);
    }
    // Whatever else lies on a disk would only give pages of mistakes, or be formatted.
    if (found.isFile() && !path.endsWith(".braid"))
      throw new UsageError(`${path} is no .braid file`, "name a spec, whose name ends in .braid");
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof Error && "code" in error && error.code !== "ENOENT") {
      throw new UsageError(`${path} cannot be read: ${error.message}`, "check its permissions");
    }
    throw new UsageError(`there is no file ${path}`, "name a .braid file");
  }
  return { file: shown(path), text: textOf(bytes, path) };
}

/** What stands on standard input. Throws `UsageError` if it is no text. */
export function readStandardInput(): string {
  return textOf(readFileSync(0), "standard input");
}

/** Specs are read strictly: what is no text would be lost when it is formatted. */
function textOf(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${name} is not text in UTF-8`, "name a .braid file, saved as UTF-8");
  }
}

/** Finds what a file imports: paths are relative to the importing file. */
export function resolveImport(from: string, importer: string): Source | undefined {
  const path = resolvePath(dirname(importer), from.endsWith(".braid") ? from : `${from}.braid`);
  try {
    return { file: shown(path), text: readFileSync(path, "utf8") };
  } catch {
    return undefined;
  }
}

/** A path as the user would type it from where they are. */
export function shown(path: string): string {
  const short = relative(process.cwd(), resolvePath(path));
  return short.startsWith("..") ? resolvePath(path) : short;
}
