import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { stdSources } from "../../../compiler/std/sources.ts";
import { checkText } from "./support.ts";

const root = resolve(import.meta.dirname, "../../..");
const texts = [
  readFileSync(join(root, "test/grammar/ee-mllm.braid"), "utf8"),
  ...["shapes", "types", "masks", "sequences"].map((name) =>
    readFileSync(join(root, `test/golden/diagnostics/${name}.braid`), "utf8"),
  ),
  ...stdSources.values(),
];

/** Numbers in [0, 1) that follow from `seed` (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A text with a few of its words and signs taken out, doubled or exchanged. */
function damaged(text: string, next: () => number): string {
  const words = text.match(/\w+|\s+|[^\w\s]/g) ?? [];
  const place = (): number => Math.floor(next() * words.length);
  for (let count = 1 + Math.floor(next() * 3); count > 0; count--) {
    const [from, to] = [place(), place()];
    const choice = next();
    if (choice < 0.3) words.splice(from, 1);
    else if (choice < 0.4) words.splice(from, 0, words[to] ?? "");
    else words[from] = words[to] ?? "";
  }
  return words.join("");
}

for (const [index, text] of texts.entries()) {
  test(`damaged text ${index} is answered with diagnostics, never with a crash`, () => {
    const next = random(index + 1000);
    for (let run = 0; run < 12; run++) {
      const broken = damaged(text, next);
      expect(() => checkText(broken), broken).not.toThrow();
    }
  });
}
