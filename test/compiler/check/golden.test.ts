import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { checkText } from "./support.ts";

const root = resolve(import.meta.dirname, "../../..");
const folder = join(root, "test/golden/diagnostics");
const files = new Map(
  readdirSync(folder)
    .filter((file) => file.endsWith(".braid"))
    .map((file) => [file, readFileSync(join(folder, file), "utf8")]),
);

/** Files that are imported by others and say nothing new by themselves. */
const imported = ["circle.braid", "circle-end.braid", "eight-helper.braid"];

/** What is given for a file besides its text. */
const options = new Map([["choice.braid", { model: "Smal" }]]);

for (const [file, text] of files) {
  if (imported.includes(file)) continue;
  test(`the mistakes of ${file}`, async () => {
    const outcome = checkText(text, { file, files, ...options.get(file) });
    await expect(`${outcome.text}\n`).toMatchFileSnapshot(join(folder, `${file}.txt`));
  });
}

test("one mistake is said once, and all are said at once", () => {
  const { diagnostics } = checkText(files.get("eight.braid") ?? "", { file: "eight.braid", files });
  expect(diagnostics.map((each) => each.code).sort()).toEqual([
    "dim/divide",
    "import/circular",
    "mask/boolean",
    "name/unknown",
    "name/unknown",
    "shape/outer",
    "shape/segment",
    "syntax/bracket",
  ]);
  for (const each of diagnostics) expect(each.hint, each.message).toBeTruthy();
});

test("every diagnostic has a golden case", () => {
  const sources = ["compiler/check", "compiler/elaborate"].flatMap((path) =>
    readdirSync(join(root, path)).map((file) => readFileSync(join(root, path, file), "utf8")),
  );
  const codes = new Set(
    sources.flatMap((source) =>
      [...source.matchAll(/(?:fail\(\s*\w+,|error\(|code:)\s*"([a-z]+\/[a-z-]+)"/g)].map(
        ([, code]) => code ?? "",
      ),
    ),
  );
  const shown = [...files.keys()]
    .filter((file) => !imported.includes(file))
    .map((file) => readFileSync(join(folder, `${file}.txt`), "utf8"))
    .join("\n");
  const missing = [...codes].filter((code) => !shown.includes(`[${code}]`));
  expect(missing).toEqual([]);
});
