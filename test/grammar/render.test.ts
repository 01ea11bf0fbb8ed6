/** Diagnostics as text and as data, on made-up diagnostics and on golden files. */

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Diagnostic, error, parse, render, toJson, warning } from "../../grammar/index.ts";

const golden = new URL("../golden/diagnostics-syntax/", import.meta.url);

for (const name of readdirSync(golden).filter((each) => each.endsWith(".braid"))) {
  test(`golden ${name}`, async () => {
    const text = readFileSync(new URL(name, golden), "utf8");
    const { diagnostics } = parse({ file: name, text });
    const shown = `${render(diagnostics, new Map([[name, text]]))}\n`;
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(diagnostics.every(({ hint }) => hint !== undefined)).toBe(true);
    await expect(shown).toMatchFileSnapshot(`../golden/diagnostics-syntax/${name}.txt`);
  });
}

/** A diagnostic whose labels mark words of a text: the first is the primary one. */
function marking(text: string, ...labels: readonly (readonly [string, string])[]): Diagnostic {
  const [at, ...also] = labels.map(([word, note]) => {
    const start = text.indexOf(word);
    return { span: { file: "a.braid", start, end: start + word.length }, note };
  });
  if (at === undefined) throw new Error("a diagnostic marks something");
  return error("test/code", { message: "message", at, also, hint: "type this" });
}

function shown(text: string, ...labels: readonly (readonly [string, string])[]): string {
  return `\n${render([marking(text, ...labels)], new Map([["a.braid", text]]))}\n`;
}

test("two labels on one line, as in the language's design", () => {
  const above = "\n".repeat(30);
  const text = `${above}  visual = features @ text_weight`;
  expect(shown(text, ["text_weight", "[Vocab, D]"], ["features", "[V, W]"])).toBe(`
error[test/code]: message
  --> a.braid:31:23
   |
31 |   visual = features @ text_weight
   |            --------   ^^^^^^^^^^^ [Vocab, D]
   |            |
   |            [V, W]
   = hint: type this
`);
});

test("three labels on one line", () => {
  expect(shown("one + two + three", ["two", "second"], ["three", "third"], ["one", "first"])).toBe(`
error[test/code]: message
 --> a.braid:1:7
  |
1 | one + two + three
  | ---   ^^^   ----- third
  | |     |
  | |     second
  | first
  = hint: type this
`);
});

test("a label inside another", () => {
  expect(shown("f(a + b)", ["a", "inner"], ["f(a + b)", "outer"])).toBe(`
error[test/code]: message
 --> a.braid:1:3
  |
1 | f(a + b)
  | --^-----
  | | |
  | | inner
  | outer
  = hint: type this
`);
});

test("labels on several lines, with lines left out between", () => {
  expect(shown("one\ntwo\nthree\nfour\n", ["four", "here"], ["one", "there"], ["two", ""])).toBe(`
error[test/code]: message
 --> a.braid:4:1
  |
1 | one
  | --- there
2 | two
  | ---
...
4 | four
  | ^^^^ here
  = hint: type this
`);
});

test("tabs, wide characters and control characters keep the columns", () => {
  expect(shown('\tx = "图像\u0007" + y', ["y", "here"])).toBe(`
error[test/code]: message
 --> a.braid:1:14
  |
1 |     x = "图像\ufffd" + y
  |                   ^ here
  = hint: type this
`);
});

test("of a long line the part around the labels is shown", () => {
  const text = `${"a + ".repeat(60)}guilty${" + b".repeat(60)}`;
  const lines = shown(text, ["guilty", "here"]).split("\n");
  const [line = "", mark = ""] = lines.slice(4, 6);
  expect(line).toMatch(/^1 \| … .*guilty.* …$/);
  expect(line.length).toBeLessThan(115);
  expect(line.slice(mark.indexOf("^"), mark.lastIndexOf("^") + 1)).toBe("guilty");
});

test("labels that are far apart on a long line are shown one below the other", () => {
  const text = `first + ${"a + ".repeat(60)}last`;
  const text2 = shown(text, ["last", "end"], ["first", "start"]);
  const lines = text2.split("\n").filter((line) => /[\^-]{4}/.test(line) && line.includes("|"));
  expect(lines.map((line) => line.trim())).toEqual([
    "| ----- start",
    expect.stringMatching(/^\| +\^\^\^\^ end$/),
  ]);
});

test("a label over several lines marks the first of them; an empty one marks one column", () => {
  const at = (start: number, end: number) => ({ span: { file: "a.braid", start, end }, note: "" });
  const sources = new Map([["a.braid", "abc\ndef"]]);
  const many = render([warning("test/code", { message: "m", at: at(1, 6) })], sources);
  const none = render([warning("test/code", { message: "m", at: at(3, 3) })], sources);
  expect(many).toBe("warning[test/code]: m\n --> a.braid:1:2\n  |\n1 | abc\n  |  ^^");
  expect(none).toBe("warning[test/code]: m\n --> a.braid:1:4\n  |\n1 | abc\n  |    ^");
});

test("labels in other files, and files that are not there", () => {
  const label = (file: string) => ({ span: { file, start: 0, end: 1 }, note: file });
  const diagnostic = error("test/code", {
    message: "m",
    at: label("a"),
    also: [label("b"), label("c")],
  });
  const text = render(
    [diagnostic],
    new Map([
      ["a", "x"],
      ["b", "y"],
    ]),
  );
  expect(`\n${text}\n`).toBe(`
error[test/code]: m
 --> a:1:1
  |
1 | x
  | ^ a
 --> b:1:1
  |
1 | y
  | - b
 --> c
`);
});

test("colour only adds escapes", () => {
  const text = "one + two";
  const diagnostic = marking(text, ["two", "second"], ["one", "first"]);
  const sources = new Map([["a.braid", text]]);
  const colored = render([diagnostic], sources, { color: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for
  const stripped = colored.replace(/\u001b\[[0-9;]*m/g, "");
  expect(colored).not.toBe(stripped);
  expect(stripped).toBe(render([diagnostic], sources));
});

test("as data, a diagnostic has the same facts with offsets", () => {
  const text = "one\n+ two";
  const [first] = toJson(
    [marking(text, ["two", "second"], ["one", "first"])],
    new Map([["a.braid", text]]),
  );
  expect(JSON.stringify(first)).toBe(
    '{"severity":"error","code":"test/code","message":"message","file":"a.braid","start":6,"end":9,"line":2,"column":3,"note":"second","labels":[{"file":"a.braid","start":0,"end":3,"line":1,"column":1,"note":"first"}],"hint":"type this"}',
  );
});
