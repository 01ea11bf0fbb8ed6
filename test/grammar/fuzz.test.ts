/** Mutations of a whole file: whatever is done to it, the parser answers, in places that exist. */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Diagnostic, format, parse, render, toJson } from "../../grammar/index.ts";
import { scan } from "../../grammar/lex.ts";

const example: string = readFileSync(new URL("ee-mllm.braid", import.meta.url), "utf8");
const tokens = scan(example);

const others = [
  ...["(", ")", "[", "]", "{", "}", ",", ";", ":", "=", "==", ".", "..", "?=", "->", "+", "-"],
  ...["*", "@", "<", "and", "or", "not", "in", "at", "with", "over", "as", "x", "X", "0", "0.5"],
  ...[
    '"s"',
    "for",
    "if",
    "else",
    "return",
    "output",
    "block",
    "model",
    "mask",
    "import",
    "€",
    "&&",
  ],
  ...["\n", "\n\n", "// c\n", "'", '"', "join", "from", "token", "weight", "sequence", "input"],
];

type Mutation =
  | { readonly kind: "delete" | "duplicate"; readonly index: number }
  | { readonly kind: "insert"; readonly index: number; readonly text: string }
  | { readonly kind: "move"; readonly index: number; readonly to: number };

const place = fc.nat(tokens.length - 1);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("delete" as const), index: place }),
  fc.record({ kind: fc.constant("duplicate" as const), index: place }),
  fc.record({
    kind: fc.constant("insert" as const),
    index: place,
    text: fc.constantFrom(...others),
  }),
  fc.record({ kind: fc.constant("move" as const), index: place, to: place }),
);

/** The example with its tokens changed; the space before each token moves with it. */
function mutated(mutations: readonly Mutation[]): string {
  const parts = tokens.map((token, index) => {
    const above = tokens[index - 1];
    const start = above === undefined ? 0 : (above.endOffset ?? 0) + 1;
    return example.slice(start, (token.endOffset ?? 0) + 1);
  });
  for (const change of mutations) {
    const [part = ""] = parts.slice(change.index, change.index + 1);
    if (change.kind === "insert") parts.splice(change.index, 0, ` ${change.text} `);
    else if (change.kind === "duplicate") parts.splice(change.index, 0, part);
    else parts.splice(change.index, 1);
    if (change.kind === "move") parts.splice(change.to, 0, part);
  }
  return parts.join("");
}

function expectSound(text: string): readonly Diagnostic[] {
  const { module, diagnostics } = parse({ file: "a.braid", text });
  for (const { at, also, code, message, hint } of diagnostics) {
    for (const { span } of [at, ...also]) {
      expect(span.start).toBeGreaterThanOrEqual(0);
      expect(span.end).toBeGreaterThanOrEqual(span.start);
      expect(span.end).toBeLessThanOrEqual(text.length);
    }
    expect(code).toMatch(/^syntax\/[a-z]+$/);
    expect(hint).toBeDefined();
    expect(`${message} ${hint}`).not.toMatch(/Expecting|token of type|EOF|undefined|NaN/);
  }
  const places = diagnostics.map(({ at }) => at.span.start);
  expect(new Set(places).size).toBe(places.length);
  expect(strayPlaces(module, text.length)).toEqual([]);
  const sources = new Map([["a.braid", text]]);
  expect(toJson(diagnostics, sources)).toHaveLength(diagnostics.length);
  expect(render(diagnostics, sources).split("\n\n").length).toBeGreaterThanOrEqual(
    diagnostics.length === 0 ? 0 : 1,
  );
  return diagnostics;
}

/** The places in a tree that do not lie in the text. */
function strayPlaces(value: unknown, length: number): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if ("start" in value && "end" in value) {
    const { start, end } = value;
    const isSound =
      typeof start === "number" &&
      typeof end === "number" &&
      start >= 0 &&
      start <= end &&
      end <= length;
    return isSound ? [] : [value];
  }
  return Object.values(value).flatMap((inside) => strayPlaces(inside, length));
}

test("any mutation of the example is answered in places that exist", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 8 }), (mutations) => {
      const text = mutated(mutations);
      expectSound(text);
      const once = format(text);
      expect(format(once)).toBe(once);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("one token too few or twice is at most one mistake", { timeout: 60_000 }, () => {
  for (const kind of ["delete", "duplicate"] as const) {
    for (let index = 0; index < tokens.length; index++) {
      const found = expectSound(mutated([{ kind, index }]));
      expect(found.length, `${kind} ${tokens[index]?.image}`).toBeLessThanOrEqual(1);
    }
  }
});

test("the other declarations survive any one mutation of a body", () => {
  const names = ["composite", "causal", "decoder_layer", "EeMllm", "Llava"];
  const first = tokens.findIndex((token) => token.image === "return");
  fc.assert(
    fc.property(fc.constantFrom(...others), (text) => {
      const { module } = parse({
        file: "a.braid",
        text: mutated([{ kind: "insert", index: first, text }]),
      });
      const left = module.declarations.map((each) => each.name.text);
      for (const name of names) expect(left).toContain(name);
    }),
  );
});
