/** The formatter: what it settles, and that it changes nothing else. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { format, parse } from "../../grammar/index.ts";
import { scan } from "../../grammar/lex.ts";
import { tree } from "./support.ts";

const example: string = readFileSync(new URL("ee-mllm.braid", import.meta.url), "utf8");

const cases: readonly (readonly [string, string])[] = [
  ["", ""],
  ["\n\n\n", ""],
  ["\n\n// only\n\n\n", "// only\n"],
  ["mask  m( q ,k )=q<=k", "mask m(q, k) = q <= k\n"],
  ["mask m(q,k)=not(q in text)and(k<=q)", "mask m(q, k) = not (q in text) and (k <= q)\n"],
  ["mask m(q,k)=\nq in text\nor k==q", "mask m(q, k) =\n  q in text\n  or k == q\n"],
  ["model M{x=-a*-b - -c}", "model M { x = -a * -b - -c }\n"],
  ["model M\n{\n\n\nx=a\n\n\n\ny=b\n\n}", "model M {\n  x = a\n\n  y = b\n}\n"],
  ["model M{\nx=a// why\n  // more\n}", "model M {\n  x = a  // why\n  // more\n}\n"],
  ["model M {\nx = f(\na,\nb+\nc\n)\n}", "model M {\n  x = f(\n    a,\n    b +\n      c\n  )\n}\n"],
  ["model M {\nx = f(g(\na\n))\n}", "model M {\n  x = f(g(\n    a\n  ))\n}\n"],
  ["model M {\nx = a\n+ f(\nb\n)\n}", "model M {\n  x = a\n    + f(\n      b\n    )\n}\n"],
  ["model M {\nx = a\n// between\n+ b\n}", "model M {\n  x = a\n    // between\n    + b\n}\n"],
  ["model M{for l in 0 .. L except[5]{x=l}}", "model M { for l in 0..L except [5] { x = l } }\n"],
  ["model M{if(a){x=1}else if(b){x=2}}", "model M { if (a) { x = 1 } else if (b) { x = 2 } }\n"],
  ['import{a,b as c}from"x"', 'import { a, b as c } from "x"\n'],
  [
    "block f(x:[S:{ visual,text },D])->[..,D]{return -x}",
    "block f(x: [S: {visual, text}, D]) -> [.., D] { return -x }\n",
  ],
  ["model M{x: int [S]=a [S?=b] [T as K]}", "model M { x: int[S] = a[S ?= b][T as K] }\n"],
  ["model M{x=sum(a over D,E;b)at p.0 .q[l]}", "model M { x = sum(a over D, E; b) at p.0.q[l] }\n"],
  [
    "mask a(q,k)=k<=q\r\n\r\n\r\nmask b(q,k)=k==q\r\n",
    "mask a(q, k) = k <= q\n\nmask b(q, k) = k == q\n",
  ],
  ["mask a(q,k)=k≤q&&!b", "mask a(q, k) = k≤q&&!b\n"],
  ["# python\nx = 'a'   + \"b  ", "# python\nx = 'a' + \"b\n"],
  ["model M{\nx = a)\n}\n}\ny", "model M {\n  x = a)\n}\n}\ny\n"],
];

test.each(cases)("%j", (text, wanted) => {
  expect(format(text)).toBe(wanted);
});

test("the example is formatted but for comments that were aligned", () => {
  expect(format(example)).toBe(example.replace(/ {3,}\/\//g, "  //"));
});

test("formatting keeps the tree of a text without mistakes", { timeout: 60_000 }, () => {
  const spaces = fc.constantFrom("", " ", "   ", "\t");
  const noisy = fc.array(spaces, { minLength: 40, maxLength: 40 }).map((gaps) => {
    let index = 0;
    // Spaces may stand anywhere beside signs, but never inside or between words.
    return example.replace(/(?<!\/.*)(?<!["<].*)[(),:=+]/g, (sign) => {
      const gap = gaps[index++ % gaps.length] ?? "";
      return /=/.test(sign) ? sign : `${gap}${sign}${gap}`;
    });
  });
  fc.assert(
    fc.property(noisy, (text) => {
      expect(tree(format(text))).toEqual(tree(text));
      expect(format(text)).toBe(format(example));
    }),
    { numRuns: 50, seed: 1 },
  );
});

const pieces = [
  ..."()[]{},;:.=<>+-*/%@!&|#'\"\\?~^$€≤“”\u00a0\ufeff",
  ...["\n", "\n\n\n", " ", "  ", "\t", "\r\n", "..", "==", "?=", "->", "//", "/// doc", "&&", ":="],
  ...["x", "Y", "0", "0.5", "1e-5", "12", '"s"', "and", "or", "not", "in", "at", "with", "over"],
  ...["as", "for", "if", "else", "return", "block", "model", "mask", "import", "except", "join"],
];
const soup: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...pieces), { maxLength: 60 })
  .map((parts) => parts.join(""));

test("formatting any text keeps its tokens, and formatting it again changes nothing", {
  timeout: 60_000,
}, () => {
  fc.assert(
    fc.property(soup, (text) => {
      const once = format(text);
      expect(tokensOf(once)).toEqual(tokensOf(text));
      expect(format(once)).toBe(once);
      expect(once).not.toMatch(/\n\n\n|[^\S\n]\n|^\n/);
    }),
    { numRuns: 3000, seed: 2 },
  );
});

test("formatting text without mistakes keeps it without mistakes", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(soup, (text) => {
      const before = parse({ file: "a.braid", text });
      fc.pre(before.diagnostics.length === 0);
      expect(parse({ file: "a.braid", text: format(text) }).diagnostics).toEqual([]);
    }),
    { numRuns: 300, seed: 3 },
  );
});

function tokensOf(text: string): readonly string[] {
  return scan(text).map((token) => token.image.trimEnd());
}
