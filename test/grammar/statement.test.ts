/** Statements: each form, and keywords that are names where the grammar expects none. */

import { expect, test } from "vitest";
import { problems, statements } from "./support.ts";

const accepted: readonly (readonly [string, readonly string[]])[] = [
  ["input prompt: token[T]", ["input prompt token[T]"]],
  [
    "input image: [Image, Channel = 3, Row = Size]",
    ["input image float[Image Channel=3 Row=Size]"],
  ],
  [
    "weight model.embed_tokens.weight: [Vocab, D]",
    ["weight model/embed_tokens/weight float[Vocab D]"],
  ],
  ["weight experts[Expert].up.weight: [F, D]", ["weight experts/[Expert]/up/weight float[F D]"]],
  ["weight input.model.output.in.3: [D]", ["weight input/model/output/in/3 float[D]"]],
  ['weight "odd name".weight: []', ["weight odd name/weight float[]"]],
  ['path tower = "a.b" or c.d', ["path tower a.b | c/d"]],
  ['path tower = "a.b"\n  or c.d', ["path tower a.b | c/d"]],
  ["tie lm_head.weight = model.embed.weight", ["tie lm_head/weight model/embed/weight"]],
  [
    'sequence S = visual: V at "<image>" by image_of, text: T positions e + 1',
    ["sequence S visual:V at <image> by image_of, text:T positions (+ e 1)"],
  ],
  ["sequence R = visual: Kept,\n  text: T", ["sequence R visual:Kept, text:T"]],
  ["x = a", ["bind x a"]],
  ["x: [S: {visual, text}, D] = a", ["bind x: float[S:{visual text} D] a"]],
  ["x: [.., D] = a", ["bind x: float[.. D] a"]],
  ["values, indices: int[K] = top(x over V, 3)", ["bind values, indices: int[K] top(x over V, 3)"]],
  ["Count = 3 * H", ["bind Count (* 3 H)"]],
  ["input = 3\nmodel = input\nfor = model", ["bind input 3", "bind model input", "bind for model"]],
  ["weight: [D] = a", ["bind weight: float[D] a"]],
  ["path, tie = f(x)", ["bind path, tie f(x)"]],
  ["for l in 0..L { x = f(x) }", ["for l 0 L { bind x f(x) }"]],
  ["for l in 0..2 * L except [5, 9] {\n}", ["for l 0 (* 2 L) except [5 9] {  }"]],
  ["for l in 0..L\n{\n  x = l\n}", ["for l 0 L { bind x l }"]],
  ["if l in [3] { x = a }", ["if (in l [3]) { bind x a } else {  }"]],
  [
    "if a { x = 1 } else if b { x = 2 }\nelse {\n  x = 3\n}\ny = x",
    ["if a { bind x 1 } else { if b { bind x 2 } else { bind x 3 } }", "bind y x"],
  ],
  ["require E % 2 == 0", ["require (== (% E 2) 0)"]],
  ["return x", ["return x"]],
  ["return x, y", ["return x, y"]],
  ["output logits", ["output logits"]],
  ["output hidden[l] = x", ["output hidden[l] x"]],
  ["output a = x.text", ["output a x.text"]],
  ["generate prompt from logits", ["generate prompt logits"]],
  ["x = f(x)\n  at model.norm", ["bind x f(x) at model/norm"]],
  ["x = a\n  + b // why\n  // more\n  + c", ["bind x (+ (+ a b) c)"]],
  ["x =\n  a", ["bind x a"]],
  ["\r\nx = a\r\n\r\ny = b\r\n", ["bind x a", "bind y b"]],
];

test.each(accepted)("%s", (text, wanted) => {
  expect(problems(`model M {\n${text}\n}`)).toEqual([]);
  expect(statements(text)).toEqual(wanted);
});

const refused: readonly (readonly [string, string, readonly string[]])[] = [
  ["x = a +\ny = b", 'syntax/expected at "+"', ["bind x (+ a missing)", "bind y b"]],
  ["x = a b\ny = b", 'syntax/expected at "b"', ["bind x a", "bind y b"]],
  ["x = f(a\ny = b", 'syntax/bracket at "("', ["bind x f(a)", "bind y b"]],
  ["x = f(\n  a,\n  b\ny = b", 'syntax/bracket at "("', ["bind x f(a, b)", "bind y b"]],
  ["x = f(a))\ny = b", 'syntax/bracket at ")"', ["bind x f(a)", "bind y b"]],
  ["x = f(a]\ny = b", 'syntax/bracket at "]"', ["bind x f(a)", "bind y b"]],
  ["x = g[f(a]\ny = b", 'syntax/bracket at "("', ["bind x g[f(a)]", "bind y b"]],
  ["x = a;\ny = b", 'syntax/separator at ";"', ["bind x a", "bind y b"]],
  ["let x = a\ny = b", 'syntax/statement at "let"', ["bind x a", "bind y b"]],
  ["x := a\ny = b", 'syntax/operator at ":="', ["bind x a", "bind y b"]],
  ["x = 'a'\ny = b", "syntax/string at \"'a'\"", ['bind x "a"', "bind y b"]],
  ['x = "a\ny = b', 'syntax/string at "\\"a"', ['bind x "a"', "bind y b"]],
  ["x = a € b\ny = b", 'syntax/character at "€"', ["bind x a", "bind y b"]],
  ["x == a\ny = b", 'syntax/equals at "=="', ["bind y b"]],
  ["f(a)\ny = b", 'syntax/statement at "f"', ["bind y b"]],
  ["wieght a.b: [D]\ny = b", 'syntax/statement at "wieght"', ["bind y b"]],
  ["print(a)\ny = b", 'syntax/statement at "print"', ["bind y b"]],
  ["# a = b\ny = b", 'syntax/comment at "# a = b"', ["bind y b"]],
  ["input X: [D]\ny = b", 'syntax/capital at "X"', ["input X float[D]", "bind y b"]],
  ["sequence s = text: T\ny = b", 'syntax/capital at "s"', ["sequence s text:T", "bind y b"]],
  ["x: [d] = a\nz: [d] = a", 'syntax/capital at "d"', ["bind x: float[d] a", "bind z: float[d] a"]],
  ["x: [D, ..] = a", 'syntax/lift at ".."', ["bind x: float[.. D] a"]],
  ["x: tensor[D] = a", 'syntax/type at "tensor"', ["bind x: float[D] a"]],
  ["input x: flot[D]", 'syntax/type at "flot"', ["input x float[D]"]],
  ["input x:\ny = x", 'syntax/expected at ":"', ["bind x missing", "bind y x"]],
  [
    "for l 0..L {\n  y = b\n}\nz = y",
    'syntax/expected at "0"',
    ["for l missing missing { bind y b }", "bind z y"],
  ],
  [
    "for l in 0..L:\n  y = b\nz = y",
    'syntax/bracket at ":"',
    ["for l 0 L { bind y b }", "bind z y"],
  ],
  [
    "for l in 0..L\n  y = b\n}\nz = y",
    'syntax/bracket at "L"',
    ["for l 0 L { bind y b }", "bind z y"],
  ],
  [
    "for l in 0..L {\n  y = b\nz = y",
    'syntax/bracket at "{"',
    ["for l 0 L { bind y b }", "bind z y"],
  ],
  ["else {\n  y = b\n}\nz = y", 'syntax/statement at "else"', ["bind z y"]],
  [
    "if a { } elif b { y = b }",
    'syntax/statement at "elif"',
    ["if a {  } else { if b { bind y b } else {  } }"],
  ],
  ["while a {\n  y = b\n}", 'syntax/statement at "while"', ["bind y b"]],
  ["x = a {\n  y = b\n}", 'syntax/bracket at "x"', ["bind y b"]],
  ["{\n  y = b\n}", 'syntax/bracket at ""', ["bind y b"]],
  ["output x.text", 'syntax/expected at "."', []],
  ["return", 'syntax/expected at "return"', ["return missing"]],
  ["if a = b { y = b }", 'syntax/equals at "="', ["if a { bind y b } else {  }"]],
];

test.each(refused)("%s is refused once", (text, problem, wanted) => {
  expect(problems(`model M {\n${text}\n}`)).toEqual([problem]);
  expect(statements(text)).toEqual(wanted);
});
