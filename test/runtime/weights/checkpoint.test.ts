/** Checkpoints in folders: which files make one, and what is said when they do not. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskFolder, fileReader, readBytes } from "../../../runtime/node/files.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { type Folder, readSettings, requireSettings } from "../../../runtime/weights/folder.ts";
import { readFloats } from "../../../runtime/weights/read.ts";
import { failure, floatFile, folderOf } from "./sample-files.ts";

const shards = {
  "one.safetensors": floatFile({ a: [2] }),
  "two.safetensors": floatFile({ b: [3], extra: [1] }),
};
const index = (map: unknown): string => JSON.stringify({ metadata: {}, weight_map: map });
const placed = index({ a: "one.safetensors", b: "two.safetensors" });

async function names(folder: Folder): Promise<readonly string[]> {
  const checkpoint = await openCheckpoint(folder);
  await checkpoint.close();
  return [...checkpoint.tensors.keys()];
}

test("one file, shards, and one file beside an index", async () => {
  const whole = floatFile({ w: [1] });
  expect(await names(folderOf({ "model.safetensors": whole }))).toEqual(["w"]);
  const sharded = { ...shards, "model.safetensors.index.json": placed };
  expect(await names(folderOf(sharded))).toEqual(["a", "b", "extra"]);
  expect(await names(folderOf({ ...sharded, "model.safetensors": whole }))).toEqual(["w"]);
});

test.each<readonly [string, Readonly<Record<string, Uint8Array | string>>, RegExp]>([
  [
    "empty folder",
    {},
    /weights\/no-file: weights holds no weights.*\n.*put model.safetensors.*empty/,
  ],
  ["other files", { "config.json": "{}" }, /it holds config.json/],
  ["pickled weights", { "pytorch_model.bin": "" }, /convert pytorch_model.bin to safetensors/],
  [
    "shard absent",
    { "one.safetensors": shards["one.safetensors"], "model.safetensors.index.json": placed },
    /weights\/no-file: weights has no two.safetensors, the shard with 1 of/,
  ],
  [
    "shard of another version",
    { ...shards, "model.safetensors.index.json": index({ a: "two.safetensors" }) },
    /weights\/index: weights\/two.safetensors lacks tensor `a`/,
  ],
  [
    "shard outside the folder",
    { ...shards, "model.safetensors.index.json": index({ a: "../one.safetensors" }) },
    /weights\/index: .*"..\/one.safetensors"/,
  ],
  [
    "shard not a name",
    { "model.safetensors.index.json": index({ a: 3 }) },
    /weights\/index: .*into 3/,
  ],
  ["no map", { "model.safetensors.index.json": "{}" }, /weights\/index: .*`weight_map`/],
  [
    "map not an object",
    { "model.safetensors.index.json": index([]) },
    /json\/type: `weight_map`.*a list/,
  ],
  [
    "index not JSON",
    { "model.safetensors.index.json": "{" },
    /json\/syntax: weights\/model.safetensors.index.json/,
  ],
  [
    "broken shard",
    { ...shards, "two.safetensors": new Uint8Array(3), "model.safetensors.index.json": placed },
    /weights\/truncated: weights\/two.safetensors/,
  ],
])("refused: %s", async (_, files, expected) => {
  expect(await failure(() => openCheckpoint(folderOf(files)))).toMatch(expected);
});

test("every opened file is closed, also after an error", async () => {
  let open = 0;
  const counted = (files: Readonly<Record<string, Uint8Array | string>>): Folder => {
    const folder = folderOf(files);
    return {
      name: folder.name,
      async open(file) {
        const reader = await folder.open(file);
        if (reader === undefined) return undefined;
        open++;
        return { ...reader, close: async () => void open-- };
      },
    };
  };
  await names(counted({ ...shards, "model.safetensors.index.json": placed }));
  expect(open).toBe(0);
  const lost = {
    "one.safetensors": shards["one.safetensors"],
    "model.safetensors.index.json": placed,
  };
  await failure(() => openCheckpoint(counted(lost)));
  await failure(() => openCheckpoint(counted({ "model.safetensors": "no" })));
  expect(open).toBe(0);
});

test("settings: absent, wanted, broken", async () => {
  const folder = folderOf({
    "config.json": '{"a":1}',
    "list.json": "[]",
    "bytes.json": Uint8Array.of(255),
  });
  expect(await readSettings(folder, "config.json")).toEqual({ a: 1 });
  expect(await readSettings(folder, "other.json")).toBeUndefined();
  expect(await failure(() => requireSettings(folder, "other.json", "which says more"))).toMatch(
    /weights\/no-file: weights has no other.json, which says more\n.*it holds config.json/,
  );
  expect(await failure(() => readSettings(folder, "list.json"))).toMatch(
    /json\/type: weights\/list.json holds a list/,
  );
  expect(await failure(() => readSettings(folder, "bytes.json"))).toMatch(/json\/syntax: .*UTF-8/);
});

test("a folder on a disk", async () => {
  const path = await mkdtemp(join(tmpdir(), "braid-test-"));
  try {
    await mkdir(join(path, "sub"));
    await writeFile(join(path, "model.safetensors"), floatFile({ w: [5] }));
    const folder = diskFolder(path);
    expect(await folder.list?.()).toEqual(["model.safetensors", "sub"]);
    const checkpoint = await openCheckpoint(folder);
    const tensor = checkpoint.tensors.get("w");
    expect(tensor && [...(await readFloats(tensor))]).toEqual([0, 1, 2, 3, 4]);
    await checkpoint.close();
    expect(await folder.open("absent")).toBeUndefined();
    expect(await failure(() => fileReader(join(path, "sub")))).toMatch(
      /weights\/file: .*not a file/,
    );
    expect(await failure(() => readBytes(join(path, "absent")))).toMatch(
      /weights\/file: .*not exist/,
    );
    expect((await readBytes(join(path, "model.safetensors"))).length).toBeGreaterThan(20);
    expect(await failure(() => openCheckpoint(diskFolder(join(path, "none"))))).toMatch(
      /no weights/,
    );
  } finally {
    await rm(path, { recursive: true });
  }
});

test("a file that shrinks while it is read", async () => {
  const path = await mkdtemp(join(tmpdir(), "braid-test-"));
  try {
    const file = join(path, "f");
    await writeFile(file, new Uint8Array(10));
    const reader = await fileReader(file);
    await writeFile(file, new Uint8Array(4));
    expect(await failure(() => reader?.read(0, 10))).toMatch(
      /weights\/truncated: .*after 4 of 10 bytes/,
    );
    await reader?.close();
  } finally {
    await rm(path, { recursive: true });
  }
});
