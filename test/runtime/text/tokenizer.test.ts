/** Text to ids and back, whole and one by one. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { diskFolder } from "../../../runtime/node/files.ts";
import { openText } from "../../../runtime/text/open.ts";
import { stopIds } from "../../../runtime/text/stop.ts";
import { type Tokenizer, tokenizerOf } from "../../../runtime/text/tokenizer.ts";
import { failure, folderOf } from "../weights/sample-files.ts";
import { byteFallback, byteLevel } from "./sample-tokenizers.ts";

const shapes = join(import.meta.dirname, "shapes");

test("a question in the form that the checkpoint was trained on", async () => {
  const { tokenizer, chat, stop } = await openText(diskFolder(shapes));
  const question = [
    { type: "image" },
    { type: "text", text: "how many objects are there?" },
  ] as const;
  const prompt = chat?.render([{ role: "user", content: question }]) ?? "";
  expect(prompt).toBe("<s>USER: <image>\nhow many objects are there? ASSISTANT:");
  const ids = tokenizer.encodePrompt(prompt);
  expect([...ids]).toEqual([1, 271, 29, 224, 3, 202, 293, 300, 308, 299, 286, 34, 275, 29]);
  expect(tokenizer.decode([224, 93, 72, 296, 2])).toBe(" zero");
  expect([[...stop.ids], stop.source]).toEqual([[2], "text_config of config.json"]);
});

test("a second turn", async () => {
  const { chat } = await openText(diskFolder(shapes));
  const text = chat?.render([
    { role: "user", content: [{ type: "image" }, { type: "text", text: "how many?" }] },
    { role: "assistant", content: [{ type: "text", text: "four" }] },
    { role: "user", content: [{ type: "text", text: "what?" }] },
  ]);
  expect(text).toBe("<s>USER: <image>\nhow many? ASSISTANT: four</s>USER: what? ASSISTANT:");
});

test.each<readonly [string, Tokenizer, string, readonly number[]]>([
  ["post-processor adds it", byteFallback(), "a", [1, 265]],
  ["text has it and so has the post-processor", byteFallback(), "<s>a", [1, 265]],
  ["text has it", byteLevel(["a"]), "<s>a", [1, 4]],
  ["nobody wants it", byteLevel(["a"]), "a", [4]],
  ["settings want it", byteLevel(["a"], { add_bos_token: true }), "a", [1, 4]],
  [
    "settings want it and the text has it",
    byteLevel(["a"], { add_bos_token: true }),
    "<s>a",
    [1, 4],
  ],
  ["no text at all", byteFallback(), "", [1]],
])("one beginning: %s", (_, tokenizer, text, expected) => {
  expect([...tokenizer.encodePrompt(text)]).toEqual(expected);
});

test("bytes stand for what has no token", () => {
  const tokenizer = byteFallback();
  const ids = tokenizer.encode("a🙂é", { addSpecial: false });
  expect([...ids]).toEqual([265, 4 + 0xf0, 4 + 0x9f, 4 + 0x99, 4 + 0x82, 264]);
  expect(tokenizer.decode(ids)).toBe("a🙂é");
});

test("ids without text: none, special, unknown", () => {
  const tokenizer = byteFallback();
  expect(tokenizer.decode([])).toBe("");
  expect(tokenizer.decode([1, 265, 99999, -1, 3, 266, 2])).toBe("abc");
  expect(tokenizer.idOf("<image>")).toBe(3);
  expect(tokenizer.idOf("<nothing>")).toBeUndefined();
});

test("a vocabulary without its own unknown token is an error, not a hole", async () => {
  const tokenizer = byteLevel(["a"], {}, "<none>");
  expect(await failure(() => tokenizer.encode("ab", { addSpecial: false }))).toMatch(
    /text\/unknown: the vocabulary of weights has no token for "<none>"/,
  );
});

function streamed(tokenizer: Tokenizer, ids: readonly number[]): readonly string[] {
  const stream = tokenizer.stream();
  return [...ids.map((id) => stream.push(id)), stream.end()];
}

test("a character comes out when it is complete", () => {
  const smile = [0xf0, 0x9f, 0x99, 0x82].map((byte) => byte + 4);
  expect(streamed(byteFallback(), [265, ...smile, 265, 1, 262])).toEqual([
    "a",
    "",
    "",
    "",
    "🙂",
    " a",
    "",
    "b",
    "",
  ]);
  expect(streamed(byteFallback(), [265, ...smile.slice(0, 2)])).toEqual(["a", "", "", "\ufffd"]);
  expect(streamed(byteFallback(), [])).toEqual([""]);
});

test("pieces join to the whole, whatever the ids", async () => {
  const real = (await openText(diskFolder(shapes))).tokenizer;
  for (const [tokenizer, size] of [
    [byteFallback(), 270],
    [real, 390],
  ] as const) {
    fc.assert(
      fc.property(fc.array(fc.nat(size), { maxLength: 40 }), (ids) => {
        expect(streamed(tokenizer, ids).join("")).toBe(tokenizer.decode(ids));
      }),
      { numRuns: 500, seed: 5 },
    );
  }
});

test("encoding and decoding gives the text back", async () => {
  const { tokenizer } = await openText(diskFolder(shapes));
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (text) => {
      fc.pre(!/<pad>|<s>|<\/s>|<image>/.test(text));
      const ids = tokenizer.encode(text, { addSpecial: false });
      expect(tokenizer.decode(ids)).toBe(text);
      expect(streamed(tokenizer, [...ids]).join("")).toBe(text);
    }),
    { numRuns: 300, seed: 6 },
  );
});

test.each([
  [
    "generation settings",
    { generation: { eos_token_id: [7, 8] }, config: { eos_token_id: 9 } },
    [7, 8],
    "generation_config.json",
  ],
  [
    "generation settings without",
    { generation: { eos_token_id: null }, config: { eos_token_id: 9 } },
    [9],
    "config.json",
  ],
  [
    "text settings",
    { generation: undefined, config: { text_config: { eos_token_id: 5 } } },
    [5],
    "text_config of config.json",
  ],
  ["the tokenizer", { generation: {}, config: undefined }, [2], "tokenizer_config.json"],
])("answers end as the first of these says: %s", (_, files, ids, source) => {
  const stop = stopIds(files, byteFallback());
  expect([[...stop.ids], stop.source]).toEqual([ids, source]);
});

test("nothing says how answers end", () => {
  const stop = stopIds({ generation: undefined, config: undefined }, byteLevel(["a"]));
  expect([[...stop.ids], stop.source]).toEqual([[], undefined]);
});

test.each<readonly [string, Readonly<Record<string, string>>, RegExp]>([
  [
    "no tokenizer",
    {},
    /weights\/no-file: weights has no tokenizer.json, which says how text becomes tokens/,
  ],
  ["tokenizer not JSON", { "tokenizer.json": "<html>" }, /json\/syntax: weights\/tokenizer.json/],
  [
    "tokenizer of no known kind",
    { "tokenizer.json": "{}" },
    /text\/tokenizer: weights\/tokenizer.json cannot be used/,
  ],
])("refused: %s", async (_, files, expected) => {
  expect(await failure(() => openText(folderOf(files)))).toMatch(expected);
});

test("settings of the wrong type are refused by name", async () => {
  const wrong =
    (generation: unknown): (() => unknown) =>
    () =>
      stopIds({ generation: { eos_token_id: generation }, config: undefined }, byteFallback());
  expect(await failure(wrong("</s>"))).toMatch(
    /json\/type: `eos_token_id` in generation_config.json is "<\/s>"/,
  );
  expect(await failure(wrong([1, -2]))).toMatch(/json\/type.*-2/);
  expect(await failure(() => byteFallback({ bos_token: 3 }))).toMatch(
    /json\/type: `bos_token`.*is 3/,
  );
  const files = {
    folder: "w",
    tokenizer: JSON.parse(await readFile(join(shapes, "tokenizer.json"), "utf8")),
  };
  const config = { add_bos_token: "yes" };
  expect(await failure(() => tokenizerOf({ ...files, config }))).toMatch(
    /json\/type: `add_bos_token` in w\/tokenizer_config.json/,
  );
});
