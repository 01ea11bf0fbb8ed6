/** What a newcomer types wrong first: each verb says what, where and what to do, and how it exits. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const braid = join(root, "dist/bundle/braid.js");
const model = join(root, "examples/ee-mllm/ee-mllm.braid");
const folder = mkdtempSync(join(tmpdir(), "braid-mistakes-"));
afterAll(() => rmSync(folder, { recursive: true }));

const masks = written("masks.braid", "mask causal(q, k) = k <= q\n");
const bytes = written("bytes.braid", Uint8Array.of(0x2f, 0x2f, 0xff, 0x0a));

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function run(words: readonly string[], input = ""): { status: number | null; text: string } {
  const options = { encoding: "utf8", input, timeout: 60_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [braid, ...words], options);
  return { status, text: stdout + stderr };
}

const answered = ["--backend", "cpu", "--prompt", "hi"];

test.each([
  ["a setting that is almost a name", ["check", model, "--set", "sees=casual"], 1, "`causal`?"],
  ["a setting that is no expression", ["check", model, "--set", "sees=k <"], 1, "--set sees=k <:1"],
  ["a file without a model, explained", ["explain", masks], 1, "declares no model"],
  ["a file without a model, run", ["run", masks, ...answered], 1, "declares no model"],
  ["a file without a model, checked", ["check", masks], 0, "is right"],
  ["bytes that are no text", ["check", bytes], 2, "is not text in UTF-8"],
  ["a folder", ["fmt", folder], 2, "is a folder"],
  ["lengths beyond counting", ["explain", model, "--length", "image=99999999999"], 2, "2^53"],
  ["a share above 1", ["run", model, "--top-p", "2", ...answered], 2, "above 0 and up to 1"],
  ["an empty stop text", ["run", model, "--stop", "", ...answered], 2, "give some text"],
])("%s", (_, words, status, said) => {
  const result = run(words);
  expect(result.text).toContain(said);
  expect(result.text).not.toMatch(/^ {4}at /m);
  expect(result.status).toBe(status);
});

test("what is no text is never formatted", () => {
  const before = readFileSync(bytes);
  expect(run(["fmt", bytes]).status).toBe(2);
  expect(readFileSync(bytes)).toEqual(before);
});

test("standard input is checked for its layout, too", () => {
  expect(run(["fmt", "-", "--check"], "mask a(q,k) = k <= q\n").status).toBe(1);
  expect(run(["fmt", "-", "--check"], "mask a(q, k) = k <= q\n").status).toBe(0);
});
