/** Models whose old rows would see new ones are refused, with the pair and what to write. */

import { expect, test } from "vitest";
import { checkModel } from "../../../compiler/compile.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import type { Predicate } from "../../../compiler/op/predicate.ts";
import { both, composite, masks, prefix, type ToyModel, toyMllm } from "../../support/toy-mllm.ts";

const any = (...operands: readonly Predicate[]): Predicate => ({ kind: "or", operands });

/** Code, message and hint of each diagnostic. */
function refusals(model: ToyModel): readonly string[] {
  const { diagnostics, phases } = splitPhases(optimize(toyMllm(model)));
  if (diagnostics.length > 0) expect(phases.some(({ kind }) => kind === "extend")).toBe(false);
  return diagnostics.map(({ code, message, hint }) => `${code}: ${message}; ${hint}`);
}

const layers = (mask: Predicate): ToyModel => ({ layers: [{ mask }, { mask }] });

test("a mask without order lets every old row see new ones", () => {
  expect(refusals(layers(masks.everything))).toEqual([
    "phase/unstable: a `visual` row sees a new `text` row (row 0 sees row 1), so what was computed changes with each new token: `all`; add `k in given` or `k <= q` to the mask",
    "phase/unstable: a given `text` row sees a new `text` row (row 0 sees row 1), so what was computed changes with each new token: `all`; add `k in given` or `k <= q` to the mask",
  ]);
});

test("only the guilty alternative is shown", () => {
  const looking = any(masks.causal, both(masks.visualQuery, masks.textKey));
  const found = refusals(layers(looking));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("a `visual` row sees a new `text` row");
});

test("new rows that see each other both ways are refused, given rows are not", () => {
  const given: Predicate = { kind: "given", side: "q" };
  const bothNew: Predicate = both(
    { kind: "not", operand: given },
    { kind: "not", operand: masks.givenKey },
  );
  const found = refusals(layers(any(masks.causal, bothNew)));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain("a new `text` row sees a later `text` row");
  expect(found[0]).toContain("add `k <= q` to the mask");
  expect(refusals(layers(prefix))).toEqual([]);
});

test("the smallest guilty part of a mask is shown with rows that it lets see each other", () => {
  const text = `mask near(q, k) = k <= q and q - k < 9 or q in text and abs(q - k) <= 2
model Near[D = 4, Vocab = 8] {
  input prompt: token[T]
  weight embed: [Vocab, D]
  text = embed[Vocab = prompt]
  sequence S = text: T
  x = join S(text = text)
  x = attend(x, x[S as K], x[S as K] over K; mask = near)
  weight head: [Vocab, D]
  logits = x.text @ head
  output logits
  generate prompt from logits
}
`;
  const [found, more] = checkModel({ file: "near.braid", text }).diagnostics;
  expect(more).toBeUndefined();
  expect([found?.code, found?.message, found?.hint]).toEqual([
    "phase/unstable",
    "a given `text` row sees a new `text` row (row 0 sees row 1), so what was computed changes with each new token: `abs(q - k) <= 2`",
    "add `k in given` or `k <= q` to the mask",
  ]);
});

test("a mean over all rows is refused, one over the given rows is not", () => {
  expect(refusals({ ...layers(composite), pooled: "T" })).toEqual([
    "phase/unstable: `mean` over `T` changes with each new token, so what depends on it cannot be kept; say which rows are meant: `T.given`",
  ]);
  expect(refusals({ ...layers(composite), pooled: "T.given" })).toEqual([]);
});

test("what no logit depends on may see what it likes", () => {
  const last = { layers: [{ mask: any(masks.causal, both(masks.visualQuery, masks.textKey)) }] };
  expect(refusals(last)).toEqual([]);
});

test("without generation nothing is cached and everything is allowed", () => {
  const split = splitPhases(optimize(toyMllm({ ...layers(masks.everything), generates: false })));
  expect(split.diagnostics).toEqual([]);
  expect(split.phases.map((phase) => phase.name)).toEqual(["image", "forward"]);
});

test.each([
  ["k <= q or k in text", "given `text` row sees a new `text`", "k in text", "k in text"],
  ["k <= q or q in visual and k in text and k - q < 4", "`visual` row", "k - q < 4", "k - q < 4"],
  ["k <= q or q in text and 4 > k - q", "given `text` row", "k - q < 4", "4 > k - q"],
  ["causal or window(3)", "given `text` row", "q - k < 3", "window(3)"],
  ["causal or not self_only", "given `text` row", "not (k == q)", "self_only"],
  ["all", "given `text` row", "all", "all"],
])("the guilty part of %s is shown as it is written", (mask, pair, part, marked) => {
  const text = `import { causal, self_attention, self_only, window } from "std/attention"
mask looking(q, k) = ${mask}

model Looking[D = 8, Vocab = 16] {
  input pixels: [V, D]
  input prompt: token[T]
  weight table: [Vocab, D]
  sequence S = visual: V, text: T
  x = join S(visual = pixels, text = table[Vocab = prompt])
  for l in 0..2 {
    x = self_attention[2, 2, 4](x, looking) at layers[l]
  }
  logits = x.text @ table
  output logits
  generate prompt from logits
}
`;
  const { diagnostics } = checkModel({ file: "looking.braid", text });
  const found = diagnostics.filter(({ code }) => code === "phase/unstable");
  expect(found.find(({ message }) => message.startsWith(`a ${pair}`))?.message).toMatch(
    /: `[^`]+`$/,
  );
  expect(found.every(({ message }) => message.endsWith(`: \`${part}\``))).toBe(true);
  for (const { at, also } of found) {
    expect(text.slice(at.span.start, at.span.end)).toBe(marked);
    expect(at.span.file).toBe("looking.braid");
    const [attention] = also;
    expect(text.slice(attention?.span.start, attention?.span.end)).toMatch(/^self_attention\[/);
  }
});
