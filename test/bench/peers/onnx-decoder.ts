/**
 * A decoder of Llama as an ONNX graph with growing caches, out of the fused operations that exporters
 * for ONNX Runtime use (GroupQueryAttention with rotary positions, SimplifiedLayerNormalization); and
 * as one for a whole prompt, out of such operations or of ONNX's own.
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

/** The graph of a decoder with caches and these weights. */
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
  const forms = { attention, norm: (rows: string, scale: string) => builder.norm(rows, scale) };
  const x = layersOf(builder, sizes, weights, embedded, forms);
  headOf(builder, sizes, weights, x, forms);
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
 * A whole prompt at once, out of the fused operations; `prefillOf` says what it takes and gives.
 */
export function onnxPrefill(sizes: DecoderSizes, weights: DecoderWeights): OnnxGraph {
  const builder = new Builder();
  const tables = rotaryConstants(builder, sizes);
  const turned = (rows: string): string =>
    builder.add("RotaryEmbedding", [rows, "positions", ...tables], { num_heads: sizes.heads });
  return prefillOf(builder, sizes, weights, {
    norm: (x, scale) => builder.norm(x, scale),
    attention: ({ q, k, v }) =>
      builder.add("MultiHeadAttention", [turned(q), turned(k), v, "", "", "bias"], {
        num_heads: sizes.heads,
      }),
  });
}

/**
 * The same out of ONNX's own operations, as `torch.onnx.export` writes a decoder of Hugging Face's: norms
 * and rotary positions in their parts, attention as two products around a softmax. (Its head computes
 * logits of all rows; this one only those of the last.)
 */
export function onnxExported(sizes: DecoderSizes, weights: DecoderWeights): OnnxGraph {
  const builder = new Builder();
  const { heads, head, longest } = sizes;
  const angles = rotaryTables(head, longest).map((half) => bothHalves(half, head / 2));
  const [cosine, sine] = ["cosine", "sine"].map((name, index) => {
    const table = builder.constant(name, [longest, head], angles[index] ?? new Float32Array());
    const rows = builder.add("Gather", [table, "positions"]);
    return builder.add("Unsqueeze", [rows, builder.integers("one", [1])]);
  });
  const ofHeads = (rows: string): string => {
    const split = builder.add("Reshape", [rows, builder.integers("split", [1, -1, heads, head])]);
    return builder.add("Transpose", [split], { perm: [0, 2, 1, 3] });
  };
  const part = (rows: string, from: number, to: number): string => {
    const bounds = [from, to, -1].map((each) => builder.integers(`at.${each}`, [each]));
    return builder.add("Slice", [rows, ...bounds]);
  };
  const turned = (rows: string): string => {
    const high = builder.add("Neg", [part(rows, head / 2, head)]);
    const crossed = builder.add("Concat", [high, part(rows, 0, head / 2)], { axis: 3 });
    const [straight, across] = [
      builder.add("Mul", [rows, cosine ?? ""]),
      builder.add("Mul", [crossed, sine ?? ""]),
    ];
    return builder.add("Add", [straight, across]);
  };
  const scale = builder.constant("scale", [], Float32Array.of(1 / Math.sqrt(head)));
  const [two, tiny] = [
    builder.constant("two", [], Float32Array.of(2)),
    builder.constant("epsilon", [], Float32Array.of(1e-5)),
  ];
  return prefillOf(builder, sizes, weights, {
    norm: (x, weight) => {
      const squares = builder.add("Pow", [x, two]);
      const mean = builder.add("ReduceMean", [squares], { axes: [2], keepdims: 1 });
      const root = builder.add("Sqrt", [builder.add("Add", [mean, tiny])]);
      const factor = builder.add("Reciprocal", [root]);
      return builder.add("Mul", [weight, builder.add("Mul", [x, factor])]);
    },
    attention: ({ q, k, v }) => {
      const keys = builder.add("Transpose", [turned(ofHeads(k))], { perm: [0, 1, 3, 2] });
      const scores = builder.add("MatMul", [turned(ofHeads(q)), keys]);
      const biased = builder.add("Add", [builder.add("Mul", [scores, scale]), "bias"]);
      const seen = builder.add("MatMul", [
        builder.add("Softmax", [biased], { axis: 3 }),
        ofHeads(v),
      ]);
      const rows = builder.add("Transpose", [seen], { perm: [0, 2, 1, 3] });
      return builder.add("Reshape", [rows, builder.integers("joined", [1, -1, heads * head])]);
    },
  });
}

/**
 * A whole prompt of visual rows and tokens at once, under a mask that is a bias, up to the logits of
 * the last row. Inputs: `visual` [1, rows, width], `ids` [1, tokens], `positions` [1, all], `bias` [1,
 * 1, all, all], `last` (int64 [1], the index of the last row). Output: `logits` [1, 1, vocabulary].
 */
function prefillOf(
  builder: Builder,
  sizes: DecoderSizes,
  weights: DecoderWeights,
  forms: Forms,
): OnnxGraph {
  const { width, vocabulary } = sizes;
  const text = builder.add("Gather", [embeddingOf(builder, sizes, weights), "ids"]);
  const joined = builder.add("Concat", ["visual", text], { axis: 1 });
  const x = layersOf(builder, sizes, weights, joined, forms);
  headOf(builder, sizes, weights, builder.add("Gather", [x, "last"], { axis: 1 }), forms);
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

/** What may be one operation or several. */
interface Forms {
  readonly attention: Attention;
  /** Rows by their root mean square, times a scale for each column. */
  readonly norm: (rows: string, scale: string) => string;
}

/** The layers, without the norm after the last one. */
function layersOf(
  builder: Builder,
  { width, heads, groups, head, feed, layers }: DecoderSizes,
  weights: DecoderWeights,
  input: string,
  { attention, norm: normOf }: Forms,
): string {
  let x = input;
  for (let l = 0; l < layers; l++) {
    const linear = (from: string, name: string, into: number, inner: number): string =>
      builder.linear(from, `layers.${l}.${name}`, into, inner, weights);
    const norm = (name: string): string =>
      normOf(x, builder.scale(`layers.${l}.${name}`, width, weights));
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
  { norm }: Forms,
): void {
  const head = builder.constant("head", [width, vocabulary], turned(weights("head"), width));
  builder.put("MatMul", [norm(x, builder.scale("norm", width, weights)), head], ["logits"]);
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

  /** A list of whole numbers; the same name is the same list. */
  integers(name: string, list: readonly number[]): string {
    if (!this.constants.some((each) => each.name === name))
      this.constants.push({ name, shape: [list.length], data: BigInt64Array.from(list, BigInt) });
    return name;
  }

  scale(name: string, width: number, weights: DecoderWeights): string {
    return this.constant(name, [width], weights(name));
  }

  norm(x: string, scale: string): string {
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

/** A table whose rows are those of `half` twice. */
function bothHalves(half: Float32Array, columns: number): Float32Array {
  return Float32Array.from({ length: half.length * 2 }, (_, index) => {
    const row = Math.floor(index / (2 * columns));
    return half[row * columns + (index % columns)] ?? 0;
  });
}
