/** One file that a verb writes. Whether it may be written is known before the verb begins its work. */

import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { reasonOf } from "../../runtime/errors.ts";
import { UsageError } from "./usage-error.ts";

/** What may be overwritten. */
export interface Overwriting {
  /** What the verb writes, which it overwrites without being asked: its name, and how to know it by its beginning. */
  readonly own?: { readonly what: string; readonly isOwn: (beginning: string) => boolean };
  /** Whether anything else is overwritten, too; absent where the verb has no `--force`. */
  readonly force?: boolean;
}

/** The file of a picture of Braid's, which says of itself what it shows. */
export function pictureFile(
  path: string,
  shows: "mask" | "roofline",
  { force }: { readonly force?: boolean },
): OutputFile {
  const isOwn = (beginning: string): boolean =>
    new RegExp(`^<svg [^>]*data-braid="${shows}"`).test(beginning);
  return new OutputFile(path, {
    own: { what: `picture of a ${shows}`, isOwn },
    force: force === true,
  });
}

/** A file that may be written. */
export class OutputFile {
  readonly path: string;

  /** Throws `UsageError` where `path` cannot be written, or something would be lost. */
  constructor(path: string, { own, force }: Overwriting) {
    this.path = path;
    const folder = dirname(path);
    if (!existsSync(folder))
      throw new UsageError(`there is no folder ${folder}`, "make it, or name another file");
    const there = existsSync(path) ? statSync(path) : undefined;
    if (there?.isDirectory())
      throw new UsageError(`${path} is a folder`, `name a file, such as ${join(path, "out")}`);
    try {
      accessSync(there === undefined ? folder : path, constants.W_OK);
    } catch (error) {
      throw unwritable(path, error);
    }
    if (force === true || !there?.isFile() || there.size === 0) return;
    if (own?.isOwn(beginning(path)) === true) return;
    const message = own === undefined ? "is there already" : `would be lost: it is no ${own.what}`;
    const hint = force === undefined ? "name another file" : "name another file, or add `--force`";
    throw new UsageError(`${path} ${message}`, hint);
  }

  /** Writes all of it. */
  write(text: string): void {
    try {
      writeFileSync(this.path, text);
    } catch (error) {
      throw unwritable(this.path, error);
    }
  }
}

function beginning(path: string): string {
  const bytes = Buffer.alloc(1024);
  const opened = openSync(path, "r");
  try {
    return bytes.subarray(0, readSync(opened, bytes)).toString("utf8");
  } finally {
    closeSync(opened);
  }
}

function unwritable(path: string, error: unknown): UsageError {
  return new UsageError(`${path} cannot be written: ${reasonOf(error)}`, "name another file");
}
