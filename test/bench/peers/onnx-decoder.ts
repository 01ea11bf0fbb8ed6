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
  const { width, heads, groups, head, feed, layers, vocabulary, longest } = sizes;
  const norm = (x: string, name: string): string =>
    builder.add(
      "SimplifiedLayerNormalization",
      [x, builder.constant(name, [width], weights(name))],
      {
        epsilon: { float: 1e-5 },
        stash_type: 1,
      },
    );
  const linear = (x: string, name: string, into: number, from: number): string =>
    builder.add("MatMul", [x, builder.constant(name, [from, into], turned(weights(name), from))]);
  const [cosine, sine] = rotaryTables(head, longest);
  const table = [longest, head / 2];
  const tables = [builder.constant("cosine", table, cosine), builder.constant("sine", table, sine)];
  const embedding = builder.constant("embed", [vocabulary, width], weights("embed_tokens"));
  let x = builder.add("Gather", [embedding, "ids"]);
  const states: string[] = [];
  for (let l = 0; l < layers; l++) {
    const at = (name: string): string => `layers.${l}.${name}`;
    const normed = norm(x, at("input_layernorm"));
    const q = linear(normed, at("self_attn.q_proj"), heads * head, width);
    const k = linear(normed, at("self_attn.k_proj"), groups * head, width);
    const v = linear(normed, at("self_attn.v_proj"), groups * head, width);
    const past = [`past.key.${l}`, `past.value.${l}`];
    const seen = builder.put(
      "GroupQueryAttention",
      [q, k, v, ...past, "last", "total", ...tables],
      [`seen.${l}`, `key.${l}`, `value.${l}`],
      { num_heads: heads, kv_num_heads: groups, do_rotary: 1 },
    );
    states.push(`key.${l}`, `value.${l}`);
    x = builder.add("Add", [x, linear(seen, at("self_attn.o_proj"), width, heads * head)]);
    const after = norm(x, at("post_attention_layernorm"));
    const gate = linear(after, at("mlp.gate_proj"), feed, width);
    const up = linear(after, at("mlp.up_proj"), feed, width);
    const open = builder.add("Mul", [gate, builder.add("Sigmoid", [gate])]);
    const hidden = builder.add("Mul", [open, up]);
    x = builder.add("Add", [x, linear(hidden, at("mlp.down_proj"), width, feed)]);
  }
  const head_ = turned(weights("head"), width);
  builder.put(
    "MatMul",
    [norm(x, "norm"), builder.constant("head", [width, vocabulary], head_)],
    ["logits"],
  );
  const state = (name: string, rows: string): OnnxValue => ({
    name,
    element: "float32",
    axes: [1, groups, rows, head],
  });
  return {
    nodes: builder.nodes,
    constants: builder.constants,
    inputs: [
      { name: "ids", element: "int64", axes: [1, "rows"] },
      { name: "last", element: "int32", axes: [1] },
      { name: "total", element: "int32", axes: [] },
      ...states.map((name) => state(`past.${name}`, "past")),
    ],
    outputs: [
      { name: "logits", element: "float32", axes: [1, "rows", vocabulary] },
      ...states.map((name) => state(name, "all")),
    ],
  };
}

class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxConstant[] = [];

  constant(name: string, shape: readonly number[], data: Float32Array): string {
    this.constants.push({ name, shape, data });
    return name;
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
    const domain = type === "GroupQueryAttention" ? { domain: "com.microsoft" } : {};
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
