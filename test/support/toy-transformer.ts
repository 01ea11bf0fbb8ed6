/** A small decoder as a graph: embeddings, RMS norm, rotary grouped attention, SwiGLU, logits. */

import type { Graph, ValueId } from "../../compiler/graph/graph.ts";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { sumOf, symbol } from "../../compiler/op/dimension.ts";
import { Draft } from "./draft.ts";
import { randomTensor, seeded } from "./random.ts";

/** Sizes of a toy decoder. */
export interface ToySizes {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly groups: number;
  readonly head: number;
  readonly feed: number;
  readonly vocabulary: number;
}

const causal = {
  kind: "compare",
  comparison: "<=",
  left: { kind: "position", side: "k" },
  right: { kind: "position", side: "q" },
} as const;

/** Visual rows (an input) and text rows (tokens), causal attention over both. */
export function toyTransformer(sizes: ToySizes): Graph {
  const draft = new Draft("Toy");
  draft.axis("V", "V");
  draft.axis("T", "T");
  draft.axis("S", sumOf([symbol("V"), symbol("T")]), [
    { name: "visual", axis: "V" },
    { name: "text", axis: "T" },
  ]);
  draft.builder.addAxis({
    name: "K",
    label: "K",
    size: sumOf([symbol("V"), symbol("T")]),
    lineage: { kind: "renamed", from: "S" },
    segments: [],
  });
  draft.axis("D", sizes.hidden);
  draft.axis("H", sizes.heads);
  draft.axis("G", sizes.groups);
  draft.axis("E", sizes.head);
  draft.axis("Pair", 2);
  draft.axis("Half", sizes.head / 2);
  draft.axis("F", sizes.feed);
  draft.axis("Vocab", sizes.vocabulary);
  const visual = draft.input("visual", ["V", "D"]);
  const tokens = draft.input("prompt", ["T"], "int", "token");
  const visualAt = draft.input("position.visual", ["V"], "int", "position");
  const textAt = draft.input("position.text", ["T"], "int", "position");
  const position = draft.node({ kind: "join", into: "S", parts: ["V", "T"] }, visualAt, textAt);
  const table = draft.weight("embed", ["Vocab", "D"]);
  const text = draft.node({ kind: "select", axis: "Vocab", padded: false }, table, tokens);
  let x = draft.node({ kind: "join", into: "S", parts: ["V", "T"] }, visual, text);
  const turn = rotary(draft, position, sizes);
  for (let l = 0; l < sizes.layers; l++) x = layer(draft, x, position, turn, `layers.${l}`, sizes);
  const last = draft.node(
    { kind: "slice", axis: "S", start: symbol("V"), into: "T" },
    rmsNorm(draft, x, "norm"),
  );
  draft.output("logits", draft.contract(last, draft.weight("head", ["Vocab", "D"]), "D"));
  return draft.finish();
}

/** Attention and MLP, each with its norm before it and its residual around it. */
function layer(
  draft: Draft,
  x: ValueId,
  position: ValueId,
  turn: (x: ValueId) => ValueId,
  path: string,
  sizes: ToySizes,
): ValueId {
  const weight = (name: string, axes: readonly string[]): ValueId =>
    draft.weight(`${path}.${name}`, axes);
  const asKeys = (value: ValueId): ValueId =>
    draft.node({ kind: "rename", from: "S", to: "K" }, value);
  const norm = rmsNorm(draft, x, `${path}.norm1`);
  const attended = draft.attend(
    {
      query: "S",
      contracted: "E",
      value: "E",
      group: { query: "H", key: "G" },
      parts: [{ axis: "K", mask: causal }],
      scale: 1 / Math.sqrt(sizes.head),
    },
    turn(draft.contract(norm, weight("q", ["H", "E", "D"]), "D")),
    position,
    asKeys(turn(draft.contract(norm, weight("k", ["G", "E", "D"]), "D"))),
    asKeys(draft.contract(norm, weight("v", ["G", "E", "D"]), "D")),
    asKeys(position),
  );
  const seen = draft.map(
    "add",
    x,
    draft.contract(attended, weight("o", ["D", "H", "E"]), "H", "E"),
  );
  const second = rmsNorm(draft, seen, `${path}.norm2`);
  const gate = draft.map("silu", draft.contract(second, weight("gate", ["F", "D"]), "D"));
  const up = draft.contract(second, weight("up", ["F", "D"]), "D");
  const fed = draft.contract(draft.map("multiply", gate, up), weight("down", ["D", "F"]), "F");
  return draft.map("add", seen, fed);
}

function rmsNorm(draft: Draft, x: ValueId, name: string): ValueId {
  const mean = draft.reduce("mean", draft.map("multiply", x, x), "D");
  const scale = draft.map("rsqrt", draft.map("add", mean, draft.constant(1e-5)));
  return draft.map("multiply", draft.map("multiply", x, scale), draft.weight(name, ["D"]));
}

/** Rotates pairs (i, i + E/2) by position * 10000^(-2i/E). */
function rotary(draft: Draft, position: ValueId, sizes: ToySizes): (x: ValueId) => ValueId {
  const half = draft.map("float", draft.node({ kind: "index", axis: "Half" }));
  const exponent = draft.map("multiply", half, draft.constant((-2 * Math.log(1e4)) / sizes.head));
  const angle = draft.map("multiply", draft.map("float", position), draft.map("exp", exponent));
  const [cos, sin] = [draft.map("cos", angle), draft.map("sin", angle)];
  return (x) => {
    const pairs = draft.node({ kind: "split", axis: "E", into: ["Pair", "Half"] }, x);
    const at = (index: number): ValueId =>
      draft.node(
        { kind: "select", axis: "Pair", padded: false },
        pairs,
        draft.constant(index, "int"),
      );
    const times = (a: ValueId, b: ValueId): ValueId => draft.map("multiply", a, b);
    const turned = draft.node(
      { kind: "stack", into: "Pair" },
      draft.map("subtract", times(at(0), cos), times(at(1), sin)),
      draft.map("add", times(at(1), cos), times(at(0), sin)),
    );
    return draft.node({ kind: "merge", axes: ["Pair", "Half"], into: "E" }, turned);
  };
}

/** Random weights scaled as trained ones are, random visual rows and tokens; visual rows come first. */
export function toyEnvironment(
  graph: Graph,
  rows: { readonly visual: number; readonly text: number },
  seed: number,
): Environment {
  const random = seeded(seed);
  const extent = (axis: string): number => Number(graph.axes.get(axis)?.size.key);
  const weights = new Map<string, Tensor>();
  for (const [name, info] of graph.weights) {
    const shape = info.axes.map(extent);
    const fan = name.includes("norm") ? 1 : shape.reduce((a, b) => a * b, 1) / (shape[0] ?? 1);
    weights.set(name, randomTensor(random, shape, 1 / Math.sqrt(fan)));
  }
  const ints = (count: number, at: (i: number) => number): Tensor => ({
    element: "int",
    shape: [count],
    data: Array.from({ length: count }, (_, i) => at(i)),
  });
  const vocabulary = extent("Vocab");
  return {
    sizes: new Map([
      ["V", rows.visual],
      ["T", rows.text],
    ]),
    inputs: new Map([
      ["visual", randomTensor(random, [rows.visual, extent("D")], 1)],
      ["prompt", ints(rows.text, () => Math.floor(random() * vocabulary))],
      ["position.visual", ints(rows.visual, (i) => i)],
      ["position.text", ints(rows.text, (i) => rows.visual + i)],
    ]),
    weights: (name) => {
      const weight = weights.get(name);
      if (weight === undefined) throw new RangeError(`no weight ${name}`);
      return weight;
    },
  };
}
