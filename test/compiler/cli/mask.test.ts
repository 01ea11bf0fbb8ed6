/** `braid mask`: what it prints, what it answers, and what it says to words that mean nothing. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { addMask } from "../../../compiler/cli/mask.ts";
import { runCommand } from "../../support/command.ts";

const gallery = "examples/attention/gallery.braid";
const example = "examples/ee-mllm/ee-mllm.braid";
const folder = mkdtempSync(join(tmpdir(), "braid-mask-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the verb writes to standard output. */
const mask = async (...words: readonly string[]): Promise<string> =>
  (await runCommand(addMask, "mask", ...words)).out;

const composite = [`${gallery}:composite`, "--length", "visual=64,text=20"] as const;

test("a mask by itself: picture, table, loops, and answers", async () => {
  expect(`\n${await mask(...composite, "--why", "70,12", "--why", "3,4")}`).toBe(`
composite
q in text and k <= q or q in visual and k == q

       visu te
visual ╲··· ··
       ·╲·· ··
       ··╲· ··
       ···╲ ··

text   ████ ▒·
       ████ █▒

a tile is 16 × 16   █ seen whole   ▒ tested pair by pair   · skipped   ╲ its own value, no score
not computed: 78.9 % of pairs, 69.4 % of tiles

    query \\ key   visual                   text
    visual        only itself              nothing                  → attention is its own value
    text          up to its own position   up to its own position   → attends to visual and text

keys that a tile of queries at positions first to last visits
  visual: none
  text: visual keys up to last; text keys up to last

row 70 (text 6) sees row 12 (visual 12): q in text and k <= q
row 3 (visual 3) does not see row 4 (visual 4): neither q in text nor k == q
`);
});

test("an expression over the library's masks", async () => {
  const text = await mask(
    "std/attention:causal and window(8)",
    ...["--length", "Rows=16", "--tile", "4", "--why", "15,7", "--why", "2,3"],
  );
  expect(text).toContain("keys from first - 7 up to last");
  expect(text).toContain("row 15 (Rows 15) does not see row 7 (Rows 7): q - k < 8 is false");
  expect(text).toContain("row 2 (Rows 2) does not see row 3 (Rows 3): k <= q is false");
});

test("token data as a list and as a pattern", async () => {
  const text = await mask(
    ...["std/attention:previous_media", "--length", "S=16,M=8", "--tile", "4"],
    ...["--data", "text_time=row/4", "--data", "media_time=0x4,2x4", "--why", "8,7"],
  );
  expect(text).toContain("S █·\n  █·\n  ██\n  ██\n");
  expect(text).toContain("row 8 (S 8) sees row 7 (M 7): media_time[k] <= text_time[q]");
});

test("the attentions of a model, and one of them by its path", async () => {
  const all = await mask(example, "--length", "image=1,text=8");
  expect(all).toContain("vision_tower.vision_model.encoder.layers[0..3].self_attn");
  const one = await mask(`${example}:model.layers[2]`, "--length", "image=1,text=8");
  expect(one).toMatch(/^language_model\.model\.layers\[0\.\.3\]\.self_attn\n/);
  const causal = await mask("examples/ee-mllm/llava.braid:Llava", "--length", "image=1,text=8");
  expect(causal).toContain("\nk <= q\n");
});

test("all masks of a file; what one lacks is said", async () => {
  const text = await mask("std/attention", "--set", "width=4");
  expect(text).toContain("self_only\nk == q\n");
  expect(text).toContain("prefix\nk < 4\n");
  expect(text).not.toContain("documents\n");
});

test("the same as JSON", async () => {
  const { masks } = JSON.parse(await mask(...composite, "--json", "--why", "3,4"));
  expect(masks).toMatchObject([
    {
      name: "composite",
      pairs: { computed: 64 * 20 + 210, all: 84 * 84 },
      keys: [
        { segment: "visual", start: 0, rows: 64 },
        { segment: "text", start: 64, rows: 20 },
      ],
      loops: [
        { query: "visual", key: "visual", keys: "no keys" },
        { query: "visual", key: "text", keys: "no keys" },
        { query: "text", key: "visual", keys: "keys up to last" },
        { query: "text", key: "text", keys: "keys up to last" },
      ],
      why: [{ sees: false, part: "q in text or k == q" }],
    },
  ]);
});

test("a picture replaces a picture, and nothing else", async () => {
  const file = join(folder, "mask.svg");
  await mask(...composite, "--svg", file);
  const first = readFileSync(file, "utf8");
  await mask(...composite, "--tile", "8", "--svg", file);
  expect(readFileSync(file, "utf8")).not.toBe(first);
  const other = join(folder, "notes.svg");
  writeFileSync(other, "<svg><!-- drawn by hand --></svg>");
  await expect(mask(...composite, "--svg", other)).rejects.toThrow("would be lost");
  expect(readFileSync(other, "utf8")).toContain("by hand");
  await mask(...composite, "--svg", other, "--force");
  expect(readFileSync(other, "utf8")).toBe(first);
  const none = join(folder, "several.svg");
  await expect(mask(gallery, "--svg", none)).rejects.toThrow("writes one picture");
  expect(existsSync(none)).toBe(false);
});

const wrong: readonly (readonly [string, readonly string[], string])[] = [
  ["a mask", [`${gallery}:compsite`], "did you mean `composite`?"],
  ["a mask of a model's file", [`${example}:compsite`], "did you mean `composite`?"],
  ["an attention", [`${example}:model.layer[0]`], "no attention of EeMllm"],
  ["a file", ["nothing.braid"], "there is no file nothing.braid"],
  ["an expression", ["std/attention:causal and windw(3)"], "`windw`"],
  ["a parameter", ["std/attention:window", "--set", "widt=3"], "did you mean `width` by `widt`?"],
  ["data", ["std/attention:documents", "--data", "documnt=1x32"], "`document` by `documnt`?"],
  ["data that lacks", ["std/attention:documents"], "lacks its `document`"],
  ["too few", ["std/attention:documents", "--data", "document=1,2"], "2 values for 32 rows"],
  ["no integer", ["std/attention:documents", "--data", "document=a"], "`a` in `document`"],
  ["a segment", [`${gallery}:composite`, "--length", "visul=3,text=4"], "`visual` by `visul`?"],
  ["a length", [`${gallery}:composite`, "--length", "visual"], "`visual` is no length"],
  ["a row", [...composite, "--why", "84,0"], "84 query rows and 84 key rows"],
  ["no pair", [...composite, "--why", "84"], "write two rows"],
  ["one of several", [gallery, "--why", "1,0"], "asks about one mask"],
];

test.each(wrong)("unknown words: %s", async (_, args, message) => {
  await expect(mask(...args)).rejects.toThrow(message);
});

test("keys on an axis of their own need no data there", async () => {
  const file = join(folder, "own-tile.braid");
  writeFileSync(file, "mask own_tile(tile: int[S], rows: int)(q, k) = tile[q] == k / rows\n");
  const lengths = [
    "--length",
    "S=4,K=6",
    "--data",
    "tile=0,0,1,1",
    "--set",
    "rows=3",
    "--tile",
    "1",
  ];
  const text = await mask(`${file}:own_tile`, ...lengths, "--why", "2,3");
  expect(text).toContain("not computed: 50.0 % of pairs");
  expect(text).toContain("row 2 (S 2) sees row 3 (K 3): tile[q] == k / 3");
});

test("tables of pairs and of tiles are read at rows and at rows divided", async () => {
  const file = join(folder, "tables.braid");
  writeFileSync(
    file,
    `mask pairs(allowed: bool[Query, Key])(q, k) = allowed[q, k]
mask tiles(live: bool[Row, Column])(q, k) = live[q / 4, k / 4] and k <= q
mask odd(live: bool[Row, Column])(q, k) = live[q % 4, k / 4]
`,
  );
  const drawn = async (name: string, ...words: readonly string[]): Promise<string> =>
    /\n((?:[^\n]*[█▒·][^\n]*\n)+)/.exec(await mask(`${file}:${name}`, ...words))?.[1] ?? "";
  const pairs = ["--length", "Query=3,Key=4", "--tile", "1", "--data", "allowed=1,0,0,1,0x4,1x4"];
  expect(await drawn("pairs", ...pairs)).toBe("Query █··█\n      ····\n      ████\n");
  const tiles = ["--length", "Rows=8", "--tile", "4", "--data", "live=1,0,1,1"];
  expect(await drawn("tiles", ...tiles)).toBe("Rows ▒·\n     █▒\n");
  await expect(mask(`${file}:odd`, "--data", "live=1")).rejects.toThrow("`Row` has no length");
  await expect(mask(`${file}:pairs`)).rejects.toThrow("lacks its `allowed`");
});
