/** The language reference: its examples are valid, formatted text, and its tables are complete. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { format } from "../../grammar/index.ts";
import { reservedWords } from "../../grammar/tokens.ts";
import { problems } from "./support.ts";

const folder = new URL("../../grammar/", import.meta.url);
const reference: string = readFileSync(new URL("README.md", folder), "utf8");
const examples = [...reference.matchAll(/^```braid\n([\s\S]*?)^```$/gm)].map(
  ([, text = ""]) => text,
);

test("the reference has examples", () => {
  expect(examples.length).toBeGreaterThan(5);
});

test.each(examples)("example %#", (text) => {
  expect(problems(text)).toEqual([]);
  expect(format(text)).toBe(text);
});

test("the table of codes names exactly those that the grammar reports", () => {
  const source = readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  const reported = [...source.matchAll(/error\(\s*"(syntax\/[a-z]+)"/g)].map(([, code]) => code);
  const listed = [...reference.matchAll(/^\| `(syntax\/[a-z]+)` *\|/gm)].map(([, code]) => code);
  expect(listed).toEqual([...new Set(reported)].sort());
});

test("every code has a golden case", () => {
  const golden = new URL("../golden/diagnostics-syntax/", import.meta.url);
  const shown = readdirSync(golden)
    .filter((name) => name.endsWith(".txt"))
    .map((name) => readFileSync(new URL(name, golden), "utf8"))
    .join("\n");
  const listed = [...reference.matchAll(/^\| `(syntax\/[a-z]+)` *\|/gm)].map(([, code]) => code);
  expect(listed.filter((code) => !shown.includes(`[${code}]`))).toEqual([]);
});

test("the words that never name anything are all listed", () => {
  for (const word of reservedWords) expect(reference).toContain(`\`${word}\``);
});

test("every file of the grammar is listed", () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".ts") && name !== "index.ts");
  const table = reference.slice(reference.indexOf("## 14."));
  expect(names.filter((name) => !table.includes(`\`${name.slice(0, -3)}\``))).toEqual([]);
});
