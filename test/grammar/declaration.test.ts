/** Whole files: declarations, what a mistake in one leaves of the others, docs, spans. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "../../grammar/index.ts";
import { declarations, problems, statementsOf } from "./support.ts";

const example: string = readFileSync(new URL("ee-mllm.braid", import.meta.url), "utf8");

test("the example of the language's design parses", () => {
  expect(problems(example)).toEqual([]);
  expect(declarations(example)).toEqual([
    "mask composite",
    "mask causal",
    "block decoder_layer",
    "model EeMllm",
    "alias Llava",
  ]);
});

test("a span covers exactly the text of its declaration", () => {
  const { module } = parse({ file: "test.braid", text: example });
  const texts = module.declarations.map(({ span }) => example.slice(span.start, span.end));
  expect(texts[1]).toBe("mask causal(q, k) = k <= q");
  expect(texts[2]).toMatch(/^block decoder_layer[\s\S]*return x\n\}$/);
  expect(texts[4]).toBe("model Llava = EeMllm(sees = causal)");
});

test("the lines of a doc comment stand directly above what they document", () => {
  const { module } = parse({
    file: "test.braid",
    text: [
      "/// not this",
      "",
      "///  First.",
      "/// Second.",
      "mask a(q, k) = k == q /// nor this",
      "mask b(q, k) = k == q",
      "model M {",
      "  /// An input.",
      "  input x: [D]",
      "}",
    ].join("\n"),
  });
  const model = module.declarations[2];
  const body = model?.kind === "model" ? model.body : [];
  expect(module.declarations.map((each) => each.doc)).toEqual([" First.\nSecond.", "", ""]);
  expect(body.map((each) => (each.kind === "input" ? each.doc : ""))).toEqual(["An input."]);
});

test("names of imports keep both sides of `as`", () => {
  const text = 'import { a, b as c, } from "std/x"';
  const [first] = parse({ file: "test.braid", text }).module.imports;
  const names = first?.names.map(({ name, local }) => `${name.text} ${local.text}`);
  expect(names).toEqual(["a a", "b c"]);
  expect(first?.from.text).toBe("std/x");
});

const accepted: readonly (readonly [string, readonly string[]])[] = [
  ["", []],
  ["// nothing", []],
  ["mask m(q, k) = q in text\n  and k <= q", ["mask m"]],
  ["mask m(width: int, d: int[S])(q, k) = q - k < width", ["mask m"]],
  ["score softcap(cap = 30 from text.cap)(s, q, k) = cap * tanh(s / cap)", ["score softcap"]],
  ["block f() -> [S] { return x }", ["block f"]],
  [
    "block f[D, H = 4 from heads](x: [S, D], eps = 1e-5) -> ([S], int[S]) { return x, x }",
    ["block f"],
  ],
  ["model M {\n}", ["model M"]],
  ["model M[D = 4 * 2](sees: mask = causal) { output x }", ["model M"]],
  ["model A = M\nmodel B = M[D = 4](sees = causal and window(128))", ["alias A", "alias B"]],
  ["block f(\n  x: [S, D],\n  y: [S, D],\n)\n  -> [S, D]\n{\n  return x\n}", ["block f"]],
];

test.each(accepted)("%s", (text, wanted) => {
  expect(problems(text)).toEqual([]);
  expect(declarations(text)).toEqual(wanted);
});

const after = "\nmask last(q, k) = k <= q";

const refused: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["mask m(q, k) =", ['syntax/expected at "="'], ["mask m broken"]],
  ["mask m(q) = true", ['syntax/rows at "(q)"'], ["mask m broken"]],
  ["mask m(q: int, k) = true", ['syntax/rows at "(q: int, k)"'], ["mask m broken"]],
  ["score m(q, k) = 1", ['syntax/rows at "(q, k)"'], ["score m broken"]],
  ["mask m(q, k) { k <= q }", ['syntax/expected at ")"'], ["mask m broken"]],
  ["mask M(q, k) = k <= q", ['syntax/capital at "M"'], ["mask M"]],
  ["model m { }", ['syntax/capital at "m"'], ["model m"]],
  ["block f[d](x: [d]) -> [d] { return x }", ['syntax/capital at "d"'], ["block f"]],
  ["block F(x: [D]) -> [D] { return x }", ['syntax/capital at "F"'], ["block F"]],
  ["block f(X: [D]) -> [D] { return X }", ['syntax/capital at "X"'], ["block f"]],
  ['import { A as b } from "x"', ['syntax/capital at "b"'], []],
  ['import a from "x"', ['syntax/expected at "a"'], []],
  ['import { a, b from "x"', ['syntax/expected at "from"'], []],
  ["import { a }", ['syntax/expected at "}"'], []],
  ["block f(x: [D]) { return x }", ['syntax/expected at ")"'], ["block f broken"]],
  ["block f(x: [D] -> [D] {\n  return x\n}", ['syntax/bracket at "("'], ["block f broken"]],
  ["block f(x: [D]) -> [D]\n  return x\n}", ['syntax/bracket at "]"'], ["block f broken"]],
  ["block f(x: [D]) -> [D] {\n  return x", ['syntax/bracket at "{"'], ["block f"]],
  ["block f(x: [D]) -> [D] {\n  return x\n}\n}", ['syntax/bracket at "}"'], ["block f"]],
  ["block (x: [D]) -> [D] { return x }", ['syntax/expected at "("'], []],
  ["block or(x: [D]) -> [D] { return x }", ['syntax/reserved at "or"'], []],
  ["def f(x):\n  return x\n  more", ['syntax/declaration at "def"'], []],
  ["blokc f(x: [D]) -> [D] {\n  return x\n}", ['syntax/declaration at "blokc"'], []],
  ["x = 3\ny = 4", ['syntax/declaration at "x"'], []],
  ["model M {\n  x = (\n}", ['syntax/bracket at "("'], ["model M"]],
  [
    "model M {\n  x = a b\n  y = 'c'\n  z = (a\n}\nmodel N {\n  x = a b\n}",
    [
      'syntax/expected at "b"',
      "syntax/string at \"'c'\"",
      'syntax/bracket at "("',
      'syntax/expected at "b"',
    ],
    ["model M", "model N"],
  ],
];

test.each(refused)("%s is refused, and what follows is read", (text, wanted, left) => {
  expect(problems(text + after)).toEqual(wanted);
  expect(declarations(text + after)).toEqual([...left, "mask last"]);
});

test("nesting is limited, and the limit harms nothing else", () => {
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
    ["f(", ")"],
    ["f[", "]"],
    ["f(x = ", ")"],
  ]) {
    const within = `mask m(q, k) = ${open?.repeat(63)}q${close?.repeat(63)}${after}`;
    const beyond = `mask m(q, k) = ${open?.repeat(5000)}q${close?.repeat(5000)}${after}`;
    expect(problems(within)).toEqual([]);
    expect(problems(beyond)).toEqual([
      `syntax/depth at ${JSON.stringify(open?.slice(-1) === " " ? "(" : open?.slice(-1))}`,
    ]);
    expect(declarations(beyond)).toContain("mask last");
  }
});

test("long chains are limited, too", () => {
  const chains = ["a + ", "- ", "not ", "a and ", "f(a and "].map((link) => link.repeat(5000));
  for (const chain of [...chains, `${"a.".repeat(5000)}`]) {
    const text = `mask m(q, k) = ${chain}a${after}`;
    expect(problems(text)).toContainEqual(expect.stringMatching(/^syntax\/(depth|bracket)/));
    expect(declarations(text)).toContain("mask last");
  }
  const branches = `model M {\n  if a { }${" else if a { }".repeat(5000)}\n}${after}`;
  expect(problems(branches)).toHaveLength(1);
  const loops = `model M {\n${"for l in 0..L {\n".repeat(500)}x = l\n${"}\n".repeat(501)}${after}`;
  expect(problems(loops)).toContainEqual(expect.stringMatching(/^syntax\/depth/));
});

test("after a syntax error the body keeps its other statements", () => {
  expect(statementsOf("model M {\n  a = 1\n  b = = 2\n  c = 3\n}")).toEqual([
    "bind a 1",
    "bind b missing",
    "bind c 3",
  ]);
});
