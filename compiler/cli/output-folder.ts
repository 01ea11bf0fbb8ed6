/**
 * A folder of built files. A list of them lies with them, so that the next build knows which files
 * are its own to replace or remove, and leaves what somebody else wrote or changed.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { reasonOf } from "../../runtime/errors.ts";
import { UsageError } from "./usage-error.ts";

/** One file of a build. */
export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
}

/** The list of the files of a build, by name. */
interface Manifest {
  readonly model: string;
  /** The SHA-256 of each file. */
  readonly files: Readonly<Record<string, string>>;
}

const manifestName = "build.json";

/** Writes builds into one folder. */
export class OutputFolder {
  readonly #path: string;
  readonly #force: boolean;

  /**
   * With `force`, files that no build wrote are overwritten, too. Throws `UsageError` where `path`
   * is something else than a folder.
   */
  constructor(path: string, force: boolean) {
    if (existsSync(path) && !statSync(path).isDirectory())
      throw new UsageError(`${path} is not a folder`, "name a folder with `--out`");
    this.#path = path;
    this.#force = force;
  }

  /**
   * Writes `files` and removes those that an earlier build left and this one lacks. Throws
   * `UsageError` before anything is written if that would lose a file that is not a build's.
   */
  write(model: string, files: ReadonlyMap<string, string | Uint8Array>): readonly WrittenFile[] {
    const names = [...files.keys()].sort();
    const hashes = new Map([...files].map(([name, content]) => [name, hashOf(content)]));
    const before = this.#manifest();
    const stale = Object.keys(before.files).filter((name) => !files.has(name));
    if (!this.#force) this.#refuseForeign([...names, ...stale], before, hashes);
    this.#make(this.#path);
    const folders = new Set(names.map((name) => dirname(join(this.#path, name))));
    for (const folder of folders) this.#make(folder);
    for (const name of stale) rmSync(join(this.#path, name), { force: true });
    const written = names.map((name): WrittenFile => {
      const content = files.get(name) ?? "";
      if (before.files[name] !== hashes.get(name) || !this.#holds(name, hashes.get(name)))
        this.#put(name, content);
      return { name, bytes: Buffer.byteLength(content) };
    });
    const manifest: Manifest = {
      model,
      files: Object.fromEntries(names.map((name) => [name, hashes.get(name) ?? ""])),
    };
    this.#put(manifestName, `${JSON.stringify(manifest, null, 2)}\n`);
    return written;
  }

  #put(name: string, content: string | Uint8Array): void {
    const file = join(this.#path, name);
    try {
      writeFileSync(file, content);
    } catch (error) {
      const hint = "name another folder with `--out`";
      throw new UsageError(`${file} cannot be written: ${reasonOf(error)}`, hint);
    }
  }

  #make(folder: string): void {
    if (existsSync(folder)) return;
    // One after the other: asked for all at once, Node never comes back from a place such as /proc.
    this.#make(dirname(folder));
    try {
      mkdirSync(folder);
    } catch (error) {
      const message = `cannot make the folder ${folder}: ${reasonOf(error)}`;
      throw new UsageError(message, "name another with `--out`");
    }
  }

  #manifest(): Manifest {
    const path = join(this.#path, manifestName);
    const none: Manifest = { model: "", files: {} };
    if (!existsSync(path)) return none;
    try {
      const found: unknown = JSON.parse(readFileSync(path, "utf8"));
      return isManifest(found) ? found : none;
    } catch {
      return none;
    }
  }

  #holds(name: string, hash: string | undefined): boolean {
    const path = join(this.#path, name);
    return existsSync(path) && statSync(path).isFile() && hashOf(readFileSync(path)) === hash;
  }

  #refuseForeign(
    names: readonly string[],
    before: Manifest,
    hashes: ReadonlyMap<string, string>,
  ): void {
    const foreign = names.filter((name) => {
      const there = existsSync(join(this.#path, name));
      const own = this.#holds(name, before.files[name]) || this.#holds(name, hashes.get(name));
      return there && !own;
    });
    const [first, ...others] = foreign;
    if (first === undefined) return;
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    throw new UsageError(
      `${join(this.#path, first)}${more} would be lost: no build wrote what is in there now`,
      "write to another folder, or overwrite with `--force`",
    );
  }
}

function isManifest(value: unknown): value is Manifest {
  return (
    typeof value === "object" &&
    value !== null &&
    "files" in value &&
    typeof value.files === "object" &&
    value.files !== null &&
    Object.entries(value.files).every(([name, hash]) => isInside(name) && typeof hash === "string")
  );
}

/** A manifest that was tampered with must not make a build remove files elsewhere. */
function isInside(name: string): boolean {
  return !name.startsWith("/") && !name.split(/[\\/]/).includes("..");
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
