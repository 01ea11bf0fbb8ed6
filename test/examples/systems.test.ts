/**
 * The table of systems is current (`npm run systems` writes it), each model that it calls matched has an
 * oracle's test, specs are short, and what papers publish of parameters and work is what specs have.
 */

import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { planReader } from "../../compiler/cli/explain.ts";
import { readSource, resolveImport } from "../../compiler/cli/sources.ts";
import { type CheckedModel, checkModel, compileFor } from "../../compiler/compile.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { Explainer, type LengthsReport } from "../../compiler/report/explain.ts";
import { readLengths } from "../../compiler/report/lengths.ts";
import { parameterCount } from "../../compiler/report/parameters.ts";
import { showBytes, showFlops } from "../../compiler/report/units.ts";
import { render } from "../../grammar/index.ts";
import { backendNames } from "../support/backends.ts";
import { published } from "./published.ts";
import { type SystemEntry, systemEntries } from "./systems-table.ts";

const root = resolve(import.meta.dirname, "../..");
const examples = resolve(root, "examples");
/** A spec that a researcher recognises at once is no longer than this. */
const longestSpec = 150;

function checked(spec: string, model: string): CheckedModel {
  const source = readSource(resolve(examples, `${spec}.braid`));
  const { value, diagnostics } = checkModel(source, { resolve: resolveImport, model });
  if (value === undefined)
    throw new Error(render(diagnostics, new Map([[source.file, source.text]])));
  return value;
}

function reportOf(model: CheckedModel, length: string): LengthsReport {
  const read = readLengths(model.graph, length);
  if (read.kind === "mistake") throw new Error(`${read.message}: ${read.hint}`);
  return new Explainer(model, compileFor(model, targets.gpu).plan, planReader).at(read.lengths);
}

/** The spec and what it imports of `examples`. */
function filesOf(spec: string): readonly string[] {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    for (const [, from = ""] of readFileSync(file, "utf8").matchAll(/ from "([^"]+)"/g)) {
      if (!from.startsWith("std/")) visit(resolve(dirname(file), `${from}.braid`));
    }
  };
  visit(resolve(examples, `${spec}.braid`));
  return [...found];
}

function linesOf(file: string): number {
  return readFileSync(file, "utf8").trimEnd().split("\n").length;
}

test.each(systemEntries)("$name: its oracle's test exists", ({ oracle }) => {
  if (oracle === undefined) return;
  // The readings of EE-MLLM are listed beside the prompts that all of them are asked.
  const files = [oracle.test, "test/oracle/prompts.ts"];
  const text = files.map((file) => readFileSync(resolve(root, file), "utf8")).join("\n");
  expect(text).toContain(`"${oracle.model}"`);
});

test("every spec is short", () => {
  const files = new Set(systemEntries.flatMap(({ spec }) => filesOf(spec)));
  const long = [...files].filter((file) => linesOf(file) > longestSpec);
  expect(long.map((file) => relative(root, file))).toEqual([]);
});

test.each(published)("$what is as published", ({ spec, model, under, parameters, within }) => {
  const count = parameterCount(checked(spec, model).graph, under);
  expect(Math.abs(count / parameters - 1)).toBeLessThanOrEqual(within);
});

test("the table is current", async () => {
  const rows = systemEntries.map((entry) => rowOf(entry, backendNames));
  await expect(page(rows)).toMatchFileSnapshot(resolve(examples, "README.md"));
}, 300_000);

function rowOf(entry: SystemEntry, backends: readonly string[]): string {
  const { name, paper, spec, model, length, oracle } = entry;
  const value = checked(spec, model);
  const report = reportOf(value, length);
  const { consequences, first, token, memory } = report;
  const executed = first.reduce((sum, { work }) => sum + work.executed, 0);
  const calls = first.reduce((sum, { dispatches }) => sum + dispatches, 0);
  const cells = [
    `[${name}](${dirname(spec)}/README.md)${paper === undefined ? "" : ` ([paper](https://arxiv.org/abs/${paper}))`}`,
    showNumber(parameterCount(value.graph)),
    length === "" ? "–" : `\`${length}\``,
    consequences === undefined ? "–" : showFlops(consequences.papers),
    showFlops(executed),
    token === undefined ? "–" : showBytes(memory.values + memory.caches),
    token === undefined ? `${calls}` : `${calls}, then ${token.dispatches} a token`,
    `${filesOf(spec).reduce((sum, file) => sum + linesOf(file), 0)}`,
    oracle === undefined
      ? "no oracle"
      : `*matched* on ${backends.join(", ")}: \`${oracle.model}\` of [${oracle.test.split("/").at(-1)}](../${oracle.test})`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** `7.06 B`: parameters are counted in billions of a thousand millions. */
function showNumber(count: number): string {
  return count >= 1e9 ? `${(count / 1e9).toFixed(2)} B` : `${(count / 1e6).toFixed(2)} M`;
}

function page(rows: readonly string[]): string {
  return `# Systems of the field

Each is a Braid spec; a folder's README says what it is, and what the compiler found. \`npm run systems\` writes this table from the specs,
and a test keeps it so.

**Prefill** is the prompt that the figures are for, as \`braid explain --length\` takes it. **Counted** FLOPs are those that papers give: the
decoder's, every layer whole. **Executed** are those of the plan, towers included and rows that nobody reads left out. **Kept** is what a
question leaves for the next and for new tokens, in float32. **Calls** are kernel launches of a first question on a GPU. **Lines** are those of the
spec and of what it imports of this folder. *Matched* means: outputs agree with an independent implementation within derived
tolerances, in the test that is named, at the size of the oracle.

| system | parameters | prefill | counted | executed | kept | calls | lines | oracle |
|---|---|---|---|---|---|---|---|---|
${rows.join("\n")}

[attention/](attention/README.md) is the gallery of masks.
`;
}
