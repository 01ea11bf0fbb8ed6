/** Rules about files, executed: the import law, sizes, headers, and names. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

/** Layers, lowest first. A file may import from its own layer or a lower one. */
const layers = [
  "grammar",
  "compiler/op",
  "compiler/graph",
  "compiler/std",
  "compiler/elaborate",
  "compiler/check",
  "compiler/mask",
  "compiler/phase",
  "compiler/optimize",
  "compiler/fusion",
  "compiler/kernel",
  "compiler/codegen",
  "compiler/plan",
  "compiler/report",
  "compiler/compile.ts",
  "compiler/index.ts",
  "compiler/cli",
];

const files = ["grammar", "compiler", "runtime"].flatMap((folder) =>
  typescript(join(root, folder)),
);
const tested = typescript(join(root, "test"));

/** Longest file, in lines: one idea a file. */
const longestFile = 400;

function typescript(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : typescript(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function shown(path: string): string {
  return relative(root, path);
}

/** The modules that a file imports by relative path, type imports included. */
function imports(path: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return [...found].map(([, specifier]) => resolve(dirname(path), specifier ?? ""));
}

function layerOf(path: string): number {
  const name = shown(path);
  return layers.findIndex((layer) => name === layer || name.startsWith(`${layer}/`));
}

function mayImport(file: string, target: string): boolean {
  const [from, to] = [shown(file), shown(target)];
  if (from.startsWith("runtime/")) return to.startsWith("runtime/");
  if (to.startsWith("runtime/")) {
    // The compiler knows how the runtime is told things, and nothing of how it does them.
    return to === "runtime/contract.ts" || from.startsWith("compiler/cli/");
  }
  return layerOf(target) <= layerOf(file);
}

test("every file has a layer", () => {
  const without = files.filter((file) => !shown(file).startsWith("runtime/") && layerOf(file) < 0);
  expect(without.map(shown)).toEqual([]);
});

test("imports only run downwards", () => {
  const wrong = files.flatMap((file) =>
    imports(file)
      .filter((target) => !mayImport(file, target))
      .map((target) => `${shown(file)} imports ${shown(target)}`),
  );
  expect(wrong).toEqual([]);
});

test("only the runtime's Node folder and the command line know Node", () => {
  const wrong = files.filter(
    (file) =>
      !/^(runtime\/node|compiler\/cli)\//.test(shown(file)) &&
      /(?:from|import\()\s*"node:/.test(readFileSync(file, "utf8")),
  );
  expect(wrong.map(shown)).toEqual([]);
});

test("no file is longer than one idea", () => {
  const long = [...files, ...tested]
    .filter((file) => shown(file) !== "compiler/std/sources.ts")
    .map((file) => [shown(file), readFileSync(file, "utf8").split("\n").length - 1] as const)
    .filter(([, lines]) => lines > longestFile);
  expect(long).toEqual([]);
});

test("every file says what it is", () => {
  const silent = files.filter((file) => !/^(#!.*\n)?\/\*\*/.test(readFileSync(file, "utf8")));
  expect(silent.map(shown)).toEqual([]);
});

test("a system is a spec: no example has a program of its own, and none is long", () => {
  const found = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" });
  // What `npm run page` and `braid build` write is no part of an example.
  const entries = found.filter((path) => !/(?:^|[/\\])(?:dist|build)[/\\]/.test(path));
  expect(entries.filter((path) => /\.[cm]?[jt]sx?$/.test(path))).toEqual([]);
  const specs = entries.filter((path) => path.endsWith(".braid"));
  expect(specs.length).toBeGreaterThan(0);
  const long = specs.filter(
    (path) => readFileSync(join(root, "examples", path), "utf8").split("\n").length - 1 >= 150,
  );
  expect(long).toEqual([]);
});

test("no op, pass or kernel names a model", () => {
  const { models } = systemNames();
  const general = files.filter((file) => {
    const layer = layers[layerOf(file)] ?? "";
    return shown(file) !== "compiler/std/sources.ts" && layer !== "compiler/cli";
  });
  const named = general.flatMap((file) => {
    const code = withoutComments(readFileSync(file, "utf8"));
    const parts = code.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
    const words = new Set(parts.split(/[^a-z0-9]+/));
    return models.filter((model) => words.has(model)).map((model) => `${shown(file)}: ${model}`);
  });
  expect(named).toEqual(processors);
});

/** Classes of image processors are named after models, in files that others write. */
const processors = ["runtime/image/preprocess-settings.ts: llava"];

/** What the folders of examples are called, in words as identifiers have them. */
function systemNames(): { readonly models: readonly string[] } {
  const folders = readdirSync(join(root, "examples"), { withFileTypes: true });
  const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  // Attention is no model, and to clip and to aim are plain words.
  const plain = ["attention", "clip", "aim"];
  const words = names
    .filter((name) => !plain.includes(name))
    .flatMap((name) => [
      name.replace(/[^a-z0-9]/g, ""),
      ...name.split(/[-.]/).filter((part) => /^[a-z]{4,}\d*$/.test(part)),
    ]);
  const common = ["visual", "region", "vision", "next"];
  return { models: [...new Set(words)].filter((word) => !common.includes(word)) };
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

test("no default exports, no way around the types, nothing left for later", () => {
  // `any` is lint's to refuse.
  const loose = /export default|@ts-(?:ignore|expect-error)|\bTODO\b|\bFIXME\b/;
  const wrong = files.filter((file) => loose.test(readFileSync(file, "utf8")));
  expect(wrong.map(shown)).toEqual([]);
});
