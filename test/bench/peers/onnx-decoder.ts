/**
 * A decoder of Llama as an ONNX graph with growing caches, out of the fused operations that exporters
 * for ONNX Runtime use (GroupQueryAttention with rotary positions, SimplifiedLayerNormalization).
 *
 * Inputs: `ids` [1, rows], `last` (the index of the last row, int32 [1]), `total` (rows in all, int32
 * []) and `past.key.l`, `past.value.l` [1, groups, past, width] for each layer l. Outputs: `logits`
 * [1, rows, vocabulary] and `key.l`, `value.l` with the new rows.
 */

import type { OnnxConstant, OnnxGraph, OnnxNode, OnnxValue } from "./onnx-model.ts";

/** The sizes of a decoder. */
export interface DecoderSizes {
  readonly width: number;
  readonly heads: number;
  readonly groups: number;
  readonly head: number;
  readonly feed: number;
  readonly layers: number;
  readonly vocabulary: number;
  /** The most rows that the rotary tables serve. */
  readonly longest: number;
}

/** Gives a weight, row-major `[out, in]`, by its name below the decoder: `layers.0.mlp.up_proj`. */
export type DecoderWeights = (name: string) => Float32Array;

/** The graph of a decoder with these weights. */
export function onnxDecoder(sizes: DecoderSizes, weights: DecoderWeights): OnnxGraph {
  const builder = new Builder();
  const { heads, groups, head, layers, vocabulary } = sizes;
  const tables = rotaryConstants(builder, sizes);
  const states: string[] = [];
  const embedded = builder.add("Gather", [embeddingOf(builder, sizes, weights), "ids"]);
  const attention: Attention = ({ q, k, v }, l) => {
    const past = [`past.key.${l}`, `past.value.${l}`];
    states.push(`key.${l}`, `value.${l}`);
    return builder.put(
      "GroupQueryAttention",
      [q, k, v, ...past, "last", "total", ...tables],
      [`seen.${l}`, `key.${l}`, `value.${l}`],
      { num_heads: heads, kv_num_heads: groups, do_rotary: 1 },
    );
  };
  const x = layersOf(builder, sizes, weights, embedded, attention);
  headOf(builder, sizes, weights, x);
  const state = (name: string, rows: string): OnnxValue => ({
    name,
    element: "float32",
    axes: [1, groups, rows, head],
  });
  const pairs = Array.from({ length: layers }, (_, l) => [`key.${l}`, `value.${l}`]).flat();
  return {
    nodes: builder.nodes,
    constants: builder.constants,
    inputs: [
      { name: "ids", element: "int64", axes: [1, "rows"] },
      { name: "last", element: "int32", axes: [1] },
      { name: "total", element: "int32", axes: [] },
      ...pairs.map((name) => state(`past.${name}`, "past")),
    ],
    outputs: [
      { name: "logits", element: "float32", axes: [1, "rows", vocabulary] },
      ...states.map((name) => state(name, "all")),
    ],
  };
}

/**
 * A whole prompt of visual rows and tokens at once, under a mask that is a bias, up to the logits of
 * the last row. Inputs: `visual` [1, rows, width], `ids` [1, tokens], `positions` [1, all], `bias` [1,
 * 1, all, all], `last` (int64 [1], the index of the last row). Output: `logits` [1, 1, vocabulary].
 */
export function onnxPrefill(sizes: DecoderSizes, weights: DecoderWeights): OnnxGraph {
  const builder = new Builder();
  const { width, heads, vocabulary } = sizes;
  const tables = rotaryConstants(builder, sizes);
  const text = builder.add("Gather", [embeddingOf(builder, sizes, weights), "ids"]);
  const joined = builder.add("Concat", ["visual", text], { axis: 1 });
  const turned = (rows: string): string =>
    builder.add("RotaryEmbedding", [rows, "positions", ...tables], { num_heads: heads });
  const attention: Attention = ({ q, k, v }) =>
    builder.add("MultiHeadAttention", [turned(q), turned(k), v, "", "", "bias"], {
      num_heads: heads,
    });
  const x = layersOf(builder, sizes, weights, joined, attention);
  headOf(builder, sizes, weights, builder.add("Gather", [x, "last"], { axis: 1 }));
  return {
    nodes: builder.nodes,
    constants: builder.constants,
    inputs: [
      { name: "visual", element: "float32", axes: [1, "rows", width] },
      { name: "ids", element: "int64", axes: [1, "tokens"] },
      { name: "positions", element: "int64", axes: [1, "all"] },
      { name: "bias", element: "float32", axes: [1, 1, "all", "all"] },
      { name: "last", element: "int64", axes: [1] },
    ],
    outputs: [{ name: "logits", element: "float32", axes: [1, 1, vocabulary] }],
  };
}

/** What a layer's queries, keys and values see of each other. */
type Attention = (
  rows: { readonly q: string; readonly k: string; readonly v: string },
  layer: number,
) => string;

/** The layers, without the norm after the last one. */
function layersOf(
  builder: Builder,
  { width, heads, groups, head, feed, layers }: DecoderSizes,
  weights: DecoderWeights,
  input: string,
  attention: Attention,
): string {
  let x = input;
  for (let l = 0; l < layers; l++) {
    const linear = (from: string, name: string, into: number, inner: number): string =>
      builder.linear(from, `layers.${l}.${name}`, into, inner, weights);
    const norm = (name: string): string => builder.norm(x, `layers.${l}.${name}`, width, weights);
    const normed = norm("input_layernorm");
    const q = linear(normed, "self_attn.q_proj", heads * head, width);
    const k = linear(normed, "self_attn.k_proj", groups * head, width);
    const v = linear(normed, "self_attn.v_proj", groups * head, width);
    const seen = attention({ q, k, v }, l);
    x = builder.add("Add", [x, linear(seen, "self_attn.o_proj", width, heads * head)]);
    const after = norm("post_attention_layernorm");
    const gate = linear(after, "mlp.gate_proj", feed, width);
    const up = linear(after, "mlp.up_proj", feed, width);
    const open = builder.add("Mul", [gate, builder.add("Sigmoid", [gate])]);
    const hidden = builder.add("Mul", [open, up]);
    x = builder.add("Add", [x, linear(hidden, "mlp.down_proj", width, feed)]);
  }
  return x;
}

function headOf(
  builder: Builder,
  { width, vocabulary }: DecoderSizes,
  weights: DecoderWeights,
  x: string,
): void {
  const head = builder.constant("head", [width, vocabulary], turned(weights("head"), width));
  builder.put("MatMul", [builder.norm(x, "norm", width, weights), head], ["logits"]);
}

function embeddingOf(
  builder: Builder,
  { width, vocabulary }: DecoderSizes,
  weights: DecoderWeights,
): string {
  return builder.constant("embed", [vocabulary, width], weights("embed_tokens"));
}

function rotaryConstants(builder: Builder, { head, longest }: DecoderSizes): readonly string[] {
  const [cosine, sine] = rotaryTables(head, longest);
  const table = [longest, head / 2];
  return [builder.constant("cosine", table, cosine), builder.constant("sine", table, sine)];
}

/** Operations that are not ONNX's own. */
const extensions = new Set(["GroupQueryAttention", "MultiHeadAttention", "RotaryEmbedding"]);

class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];

  constant(name: string, shape: readonly number[], data: Float32Array): string {
    this.constants.push({ name, shape, data });
    return name;
  }

  norm(x: string, name: string, width: number, weights: DecoderWeights): string {
    const scale = this.constant(name, [width], weights(name));
    const attributes = { epsilon: { float: 1e-5 }, stash_type: 1 };
    return this.add("SimplifiedLayerNormalization", [x, scale], attributes);
  }

  linear(x: string, name: string, into: number, from: number, weights: DecoderWeights): string {
    const weight = this.constant(name, [from, into], turned(weights(name), from));
    return this.add("MatMul", [x, weight]);
  }

  add(type: string, inputs: readonly string[], attributes?: OnnxNode["attributes"]): string {
    return this.put(type, inputs, [`v${this.nodes.length}`], attributes);
  }

  /** Adds a node; gives the first of its outputs. */
  put(
    type: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    const domain = extensions.has(type) ? { domain: "com.microsoft" } : {};
    this.nodes.push({ type, inputs, outputs, attributes, ...domain });
    return outputs[0] ?? "";
  }
}

/** `[out, in]` as `[in, out]`. */
function turned(weight: Float32Array, from: number): Float32Array {
  const into = weight.length / from;
  const result = new Float32Array(weight.length);
  for (let i = 0; i < into; i++) {
    for (let j = 0; j < from; j++) result[j * into + i] = weight[i * from + j] ?? 0;
  }
  return result;
}

function rotaryTables(head: number, longest: number): readonly [Float32Array, Float32Array] {
  const half = head / 2;
  const angle = (index: number): number =>
    Math.floor(index / half) * 10000 ** (-(index % half) / half);
  const length = longest * half;
  return [
    Float32Array.from({ length }, (_, index) => Math.cos(angle(index))),
    Float32Array.from({ length }, (_, index) => Math.sin(angle(index))),
  ];
}
