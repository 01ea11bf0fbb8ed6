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

const gallery = `${join(root, "examples/attention/gallery.braid")}:causal`;
const weights = join(root, "examples/ee-mllm/weights");
const tensors = join(weights, "model.safetensors");
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
  ["lengths beyond counting", ["report", model, "--length", "image=60000,text=4000000"], 2, "2^53"],
  ["more rows than are looked at", ["explain", model, "--length", "image=99999999"], 2, "too long"],
  [
    "more rows than are drawn",
    ["mask", gallery, "--length", "Rows=99999999"],
    2,
    "at most 4194304",
  ],
  [
    "more tiles than are drawn",
    ["mask", gallery, "--length", "Rows=99999", "--tile", "1"],
    2,
    "--tile 2048",
  ],
  ["a file that is no spec", ["check", join(root, "README.md")], 2, "is no .braid file"],
  [
    "a picture in no folder",
    ["mask", gallery, "--svg", "none/a.svg"],
    2,
    "there is no folder none",
  ],
  ["a picture in a folder's place", ["report", model, "--svg", folder], 2, "is a folder"],
  ["a spec in no folder", ["import", weights, "--out", "none/a.braid"], 2, "no folder none"],
  ["schedules in no folder", ["tune", model, "--out", "none/a.json"], 2, "no folder none"],
  ["a build in a file's place", ["build", model, "--out", masks], 2, "is not a folder"],
  ["arithmetic of CUDA without it", ["build", model, "--out", folder, "--math", "f16"], 2, "CUDA"],
  ["a size that is no number", ["check", model, "--set", "L=x"], 2, "--set L=4"],
  ["an image that is not there", ["run", model, "--image", "a.png", ...answered], 3, "image/file"],
  ["an image that is none", ["run", model, "--image", model, ...answered], 3, "image/format"],
  [
    "weights in a file",
    ["run", model, "--weights", tensors, ...answered],
    2,
    "examples/ee-mllm/weights",
  ],
  ["an option that is missing", ["run", model], 2, "braid run --help"],
  ["a share above 1", ["run", model, "--top-p", "2", ...answered], 2, "above 0 and up to 1"],
  ["an empty stop text", ["run", model, "--stop", "", ...answered], 2, "give some text"],
])("%s", (_, words, status, said) => {
  const result = run(words);
  expect(result.text).toContain(said);
  expect(result.text).not.toMatch(/^ {4}at /m);
  expect(result.status).toBe(status);
});

test.each([bytes, written("notes.md", "# Notes\n\n- one\n")])("%s is never formatted", (path) => {
  const before = readFileSync(path);
  expect(run(["fmt", path]).status).toBe(2);
  expect(readFileSync(path)).toEqual(before);
});

test("standard input is checked for its layout, too", () => {
  expect(run(["fmt", "-", "--check"], "mask a(q,k) = k <= q\n").status).toBe(1);
  expect(run(["fmt", "-", "--check"], "mask a(q, k) = k <= q\n").status).toBe(0);
});
