import { expect, test } from "vitest";
import { stdSources } from "../../../compiler/std/sources.ts";
import { checkText } from "../check/support.ts";
import { valuesOf } from "../check/values.ts";

for (const [file, text] of stdSources) {
  test(`${file} has no mistakes`, () => {
    expect(checkText(text, { file }).text).toBe("");
  });
}

test("norms", () => {
  const text = `import { rms_norm, layer_norm } from "std/layers"
model M[D = 2] {
  input x: [S, D]
  output root = rms_norm(x, eps = 0) at root
  output layer = layer_norm(x, eps = 0) at layer
}`;
  const weights = { "root.weight": [1, 2], "layer.weight": [3, 5], "layer.bias": [10, 20] };
  const result = valuesOf(text, { sizes: { S: 1 }, inputs: { x: [1, 7] }, weights });
  expect(result.root?.map((value) => value * 5)).toEqual([
    expect.closeTo(1, 12),
    expect.closeTo(14, 12),
  ]);
  expect(result.layer).toEqual([expect.closeTo(7, 12), expect.closeTo(25, 12)]);
});

test("grouped query heads share key heads in order", () => {
  const text = `import { causal, cross_attention } from "std/attention"
model M[D = 2, W = 2, H = 2, G = 1, E = 1] {
  input x: [S, D]
  input media: [M, W]
  output seen = cross_attention[H, G, E](x, media) at cross
}`;
  const weights = {
    "cross.q_proj.weight": [0, 0, 0, 0],
    "cross.k_proj.weight": [1, 1],
    "cross.v_proj.weight": [1, 10],
    "cross.o_proj.weight": [1, 0, 0, 1],
  };
  const inputs = { x: [1, 2], media: [1, 2, 3, 4] };
  const result = valuesOf(text, { sizes: { S: 1, M: 2 }, inputs, weights });
  // All logits are equal, so every head has the mean of the values 21 and 43.
  expect(result.seen).toEqual([32, 32]);
});

test("an embedding is a row of its table", () => {
  const text = `import { embedding } from "std/layers"
model M[Vocab = 3, D = 2] {
  input prompt: token[T]
  text: [T, D] = embedding[Vocab](prompt) at embed_tokens
  output text
}`;
  const weights = { "embed_tokens.weight": [1, 2, 3, 4, 5, 6] };
  const result = valuesOf(text, { sizes: { T: 2 }, inputs: { prompt: [2, 0] }, weights });
  expect(result.text).toEqual([5, 6, 1, 2]);
});
