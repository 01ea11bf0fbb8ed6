/** Bundled files run as they are written, whatever bytecode lies beside them. */

import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { BundleLoader, bytecodePath } from "../../../compiler/cli/bundle-loader.ts";

const folder = mkdtempSync(join(tmpdir(), "braid-bundle-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs the file and keeps its bytecode, as the bundler does. */
function kept(path: string): void {
  const loader = new BundleLoader();
  loader.load(path);
  for (const [file, bytecode] of loader.bytecode()) writeFileSync(bytecodePath(file), bytecode);
}

const answer = (value: number): string => `exports.answer = () => ${value};\nexports.answer();`;

function answerOf(path: string): unknown {
  const exported = new BundleLoader().load(path);
  if (typeof exported !== "object" || exported === null || !("answer" in exported))
    return undefined;
  return typeof exported.answer === "function" ? exported.answer() : undefined;
}

test("a file with bytecode runs, and shares what it requires", () => {
  written("shared.js", "exports.count = 0;");
  written("other.js", 'require("./shared.js").count++;');
  const text = 'const shared = require("./shared.js"); require("./other.js");\n';
  const path = written("uses.js", `${text}exports.answer = () => shared.count;`);
  kept(path);
  expect(answerOf(path)).toBe(1);
});

test("bytecode older than its file is not read", () => {
  const path = written("changed.js", answer(1));
  kept(path);
  written("changed.js", answer(2));
  utimesSync(bytecodePath(path), new Date(0), new Date(0));
  expect(answerOf(path)).toBe(2);
});

test("bytecode of another text, or none at all, is refused", () => {
  const path = written("refused.js", answer(1));
  kept(path);
  const bytecode = readFileSync(bytecodePath(path));
  written("refused.js", answer(12));
  writeFileSync(bytecodePath(path), bytecode);
  expect(answerOf(path)).toBe(12);
  writeFileSync(bytecodePath(path), "no bytecode");
  expect(answerOf(path)).toBe(12);
});

test("packages are imported by the loader, and modules can be replaced", async () => {
  const text = 'exports.answer = () => imported("node:os").then(({ EOL }) => EOL + require("x"));';
  const path = written("imports.js", text);
  const exported = new BundleLoader(new Map([["x", "!"]])).load(path);
  expect(exported).toMatchObject({ answer: expect.any(Function) });
  if (typeof exported !== "object" || exported === null || !("answer" in exported)) return;
  if (typeof exported.answer === "function") expect(await exported.answer()).toMatch(/^\r?\n!$/);
});
