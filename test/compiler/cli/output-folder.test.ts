/** A build replaces and removes its own files, and loses nobody else's. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { OutputFolder } from "../../../compiler/cli/output-folder.ts";

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "braid-build-"));
  made.push(path);
  return path;
}

function build(path: string, files: Readonly<Record<string, string>>, force = false): void {
  new OutputFolder(path, force).write("Toy", new Map(Object.entries(files)));
}

function read(path: string, name: string): string | undefined {
  const file = join(path, name);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

test("a build replaces what the last one wrote, and removes what it lacks", () => {
  const path = folder();
  build(path, { "model.ts": "one", "kernels/a.wgsl": "a", "kernels/b.wgsl": "b" });
  const before = read(path, "build.json");
  build(path, { "model.ts": "two", "kernels/a.wgsl": "a" });
  expect(read(path, "model.ts")).toBe("two");
  expect(read(path, "kernels/b.wgsl")).toBeUndefined();
  build(path, { "model.ts": "one", "kernels/a.wgsl": "a", "kernels/b.wgsl": "b" });
  expect(read(path, "build.json")).toBe(before);
});

test("a file that no build wrote stays, and so does everything else", () => {
  const path = folder();
  writeFileSync(join(path, "model.ts"), "mine");
  expect(() => build(path, { "a.ts": "a", "model.ts": "theirs" })).toThrow(
    /model\.ts would be lost/,
  );
  expect(read(path, "model.ts")).toBe("mine");
  expect(read(path, "a.ts")).toBeUndefined();
  build(path, { "a.ts": "a", "model.ts": "theirs" }, true);
  expect(read(path, "model.ts")).toBe("theirs");
});

test("a file that was changed since is somebody's", () => {
  const path = folder();
  build(path, { "model.ts": "one", "old.ts": "old" });
  writeFileSync(join(path, "model.ts"), "changed");
  expect(() => build(path, { "model.ts": "two" })).toThrow(/would be lost/);
  writeFileSync(join(path, "model.ts"), "two");
  writeFileSync(join(path, "old.ts"), "changed");
  expect(() => build(path, { "model.ts": "two" })).toThrow(/old\.ts would be lost/);
});

test("a list that was tampered with removes nothing outside", () => {
  const outside = folder();
  writeFileSync(join(outside, "precious"), "");
  const path = folder();
  const name = join("..", outside.split("/").at(-1) ?? "", "precious");
  writeFileSync(join(path, "build.json"), JSON.stringify({ model: "Toy", files: { [name]: "" } }));
  build(path, { "model.ts": "one" }, true);
  expect(read(outside, "precious")).toBe("");
});

test("a file is no folder", () => {
  const path = folder();
  writeFileSync(join(path, "taken"), "");
  expect(() => build(join(path, "taken"), { a: "a" })).toThrow(/is not a folder/);
});
