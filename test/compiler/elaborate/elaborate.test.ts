import { expect, test } from "vitest";
import { elaborate } from "../../../compiler/elaborate/elaborate.ts";
import type { Source } from "../../../grammar/source.ts";

/** Elaborates `main.braid` of some files; gives the codes, and the names that each module sees. */
function outcome(files: Readonly<Record<string, string>>): {
  readonly codes: readonly string[];
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly isBroken: boolean;
} {
  const resolve = (from: string): Source | undefined => {
    const file = from.replace(/^\.\//, "");
    const text = files[file];
    return text === undefined ? undefined : { file, text };
  };
  const main = { file: "main.braid", text: files["main.braid"] ?? "" };
  const { program, diagnostics } = elaborate(main, resolve);
  const names = [...program.modules].map(([file, module]) => [file, [...module.names.keys()]]);
  return {
    codes: diagnostics.map((each) => each.code),
    names: Object.fromEntries(names.filter(([file]) => !`${file}`.startsWith("std/"))),
    isBroken: program.isBroken,
  };
}

test("modules come before those that import them, and names may be changed", () => {
  const { codes, names, isBroken } = outcome({
    "main.braid": 'import { far as near } from "./far.braid"\nmask own(q, k) = near and k <= q',
    "far.braid": "mask far(q, k) = q - k > 3",
  });
  expect(codes).toEqual([]);
  expect(isBroken).toBe(false);
  expect(names).toEqual({ "far.braid": ["far"], "main.braid": ["near", "own"] });
  expect(Object.keys(names)).toEqual(["far.braid", "main.braid"]);
});

test("a module may give on what it imports", () => {
  const { codes } = outcome({
    "main.braid": 'import { rms_norm } from "./mine.braid"',
    "mine.braid": 'import { rms_norm } from "std/decoder"',
  });
  expect(codes).toEqual([]);
});

test("two ways to one module are no circle", () => {
  const { codes } = outcome({
    "main.braid": 'import { a } from "./a.braid"\nimport { b } from "./b.braid"',
    "a.braid": 'import { c } from "./c.braid"\nmask a(q, k) = c',
    "b.braid": 'import { c } from "./c.braid"\nmask b(q, k) = c',
    "c.braid": "mask c(q, k) = k <= q",
  });
  expect(codes).toEqual([]);
});

test("each circle is named whole, once", () => {
  const files = {
    "main.braid": 'import { a } from "./a.braid"',
    "a.braid": 'import { b } from "./b.braid"\nmask a(q, k) = k <= q',
    "b.braid": 'import { a } from "./a.braid"\nimport { b } from "./b.braid"\nmask b(q, k) = a',
  };
  expect(outcome(files).codes).toEqual(["import/circular", "import/circular"]);
  const { diagnostics } = elaborate({ file: "main.braid", text: files["main.braid"] }, (from) => {
    const file = from.slice(2);
    return file === "a.braid" || file === "b.braid" ? { file, text: files[file] } : undefined;
  });
  expect(diagnostics.map((each) => each.message)).toEqual([
    "modules import each other in a circle: a.braid → b.braid → a.braid",
    "modules import each other in a circle: b.braid → b.braid",
  ]);
});

test("mistakes of syntax break the program, and names are still resolved", () => {
  const { codes, isBroken, names } = outcome({
    "main.braid": "mask a(q, k) = (k <=\nmask b(q, k) = a",
  });
  expect(codes.every((code) => code.startsWith("syntax/"))).toBe(true);
  expect(isBroken).toBe(true);
  expect(names["main.braid"]).toEqual(["a", "b"]);
});
