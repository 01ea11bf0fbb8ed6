/** What the blocks of the standard library mean, on small numbers. */

import { expect, test } from "vitest";
import { stdSources } from "../../../compiler/std/sources.ts";
import { erf } from "../../../compiler/op/special.ts";
import { checkText, nodesOf } from "../check/support.ts";
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

const mlps: Readonly<Record<string, (x: number) => number>> = {
  mlp: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
  quick_gelu_mlp: (x) => x / (1 + Math.exp(-1.702 * x)),
  gelu_tanh_mlp: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  relu_mlp: (x) => Math.max(0, x),
};

for (const [name, activation] of Object.entries(mlps)) {
  test(name, () => {
    const text = `import { ${name} } from "std/layers"
model M[D = 1] {
  input x: [S, D]
  output y = ${name}[F = 2](x) at mlp
}`;
    const weights = {
      "mlp.fc1.weight": [1, -1],
      "mlp.fc1.bias": [0, 0.5],
      "mlp.fc2.weight": [2, 3],
      "mlp.fc2.bias": [10],
    };
    const result = valuesOf(text, { sizes: { S: 2 }, inputs: { x: [0.7, -2] }, weights });
    const wanted = [0.7, -2].map((x) => 10 + 2 * activation(x) + 3 * activation(0.5 - x));
    expect(result.y).toEqual(wanted.map((each) => expect.closeTo(each, 12)));
  });
}

test("swiglu", () => {
  const text = `import { swiglu } from "std/decoder"
model M[D = 1] {
  input x: [S, D]
  output y = swiglu[F = 2](x) at mlp
}`;
  const weights = {
    "mlp.gate_proj.weight": [1, -2],
    "mlp.up_proj.weight": [3, 4],
    "mlp.down_proj.weight": [5, 7],
  };
  const result = valuesOf(text, { sizes: { S: 1 }, inputs: { x: [0.5] }, weights });
  const silu = (x: number): number => x / (1 + Math.exp(-x));
  expect(result.y).toEqual([expect.closeTo(5 * silu(0.5) * 1.5 + 7 * silu(-1) * 2, 12)]);
});

test("biases of queries, keys and values are added before attention", () => {
  const text = `import { self_attention } from "std/decoder"
model M[D = 2] {
  input x: [S, D]
  output y = self_attention[H = 1, G = 1, E = 2](x, biased = true) at attention
}`;
  const zeros = [0, 0, 0, 0];
  const weights = {
    "attention.q_proj.weight": zeros,
    "attention.q_proj.bias": [1, 0],
    "attention.k_proj.weight": zeros,
    "attention.k_proj.bias": [1, 0],
    "attention.v_proj.weight": [1, 0, 0, 1],
    "attention.v_proj.bias": [100, 200],
    "attention.o_proj.weight": [1, 0, 0, 1],
  };
  const result = valuesOf(text, { sizes: { S: 2 }, inputs: { x: [1, 2, 3, 6] }, weights });
  // Rows 0 and 1 turn by one radian against each other, and logits are divided by the root of 2.
  const share = 1 / (1 + Math.exp((Math.cos(1) - 1) / Math.SQRT2));
  const mix = (a: number, b: number, own: number): unknown =>
    expect.closeTo(a * own + b * (1 - own), 12);
  expect(result.y).toEqual([
    mix(101, 103, share),
    mix(202, 206, share),
    mix(103, 101, share),
    mix(206, 202, share),
  ]);
});

test("a decoder layer is its parts", () => {
  const sizes = "[H = 2, G = 1, E = 2, F = 3]";
  const model = (layer: string): string => `
import { causal } from "std/attention"
import { decoder_layer, rms_norm, self_attention, swiglu } from "std/decoder"

block parts[H, G, E, F](x: [S, D]) -> [S, D] {
  x = x + self_attention[H, G, E](rms_norm(x) at input_layernorm, causal) at self_attn
  x = x + swiglu[F](rms_norm(x) at post_attention_layernorm) at mlp
  return x
}

model M[D = 4] {
  input x: [S, D]
  output y = ${layer}${sizes}(x) at layer
}`;
  expect(nodesOf(model("decoder_layer"))).toBe(nodesOf(model("parts")));
});
