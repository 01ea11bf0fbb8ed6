/**
 * A small multimodal decoder as a graph: a projected image of patches and a prompt form one sequence;
 * layers of RMS norm, rotary grouped attention and SwiGLU; logits of the text rows; generation.
 */

import type { Graph, ValueId } from "../../compiler/graph/graph.ts";
import { constant, multiply, sumOf, symbol } from "../../compiler/op/dimension.ts";
import type { AttendOp } from "../../compiler/op/op.ts";
import type { Predicate } from "../../compiler/op/predicate.ts";
import { Draft } from "./draft.ts";

/** What an attention layer does with its rows. */
export interface ToyLayer {
  readonly mask: Predicate;
  /** Whether the attention and the MLP change visual rows; else those rows keep what they were. */
  readonly visual?: { readonly attention: boolean; readonly mlp: boolean };
  readonly attend?: Partial<AttendOp>;
  /** Queries are made of text rows only, as a spelling of its own. */
  readonly textQueries?: boolean;
}

export interface ToyModel {
  readonly layers: readonly ToyLayer[];
  readonly generates?: boolean;
  /** Adds an output of the whole sequence after each layer. */
  readonly tapped?: boolean;
  /** Adds the mean of these rows of the text to the text rows before the layers. */
  readonly pooled?: "T" | "T.given";
}

const span = { file: "toy.braid", start: 0, end: 0 };
/** The sizes of the axes that are constant. */
export const toySizes: Readonly<Record<"D" | "H" | "G" | "E" | "F" | "P" | "W" | "Vocab", number>> =
  { D: 8, H: 4, G: 2, E: 4, F: 6, P: 3, W: 5, Vocab: 11 };

const position = (side: "q" | "k") => ({ kind: "position", side }) as const;
const inside = (side: "q" | "k", segment: string): Predicate => ({
  kind: "segment",
  side,
  segment,
});
const all = (...operands: readonly Predicate[]): Predicate => ({ kind: "and", operands });
const any = (...operands: readonly Predicate[]): Predicate => ({ kind: "or", operands });

type MaskName =
  | "causal"
  | "itself"
  | "everything"
  | "visualQuery"
  | "textQuery"
  | "visualKey"
  | "textKey"
  | "givenKey";

/** Masks by the names that the documents give them. */
export const masks: Readonly<Record<MaskName, Predicate>> = {
  causal: { kind: "compare", comparison: "<=", left: position("k"), right: position("q") },
  itself: { kind: "compare", comparison: "==", left: position("k"), right: position("q") },
  everything: { kind: "constant", value: true },
  visualQuery: inside("q", "visual"),
  textQuery: inside("q", "text"),
  visualKey: inside("k", "visual"),
  textKey: inside("k", "text"),
  givenKey: { kind: "given", side: "k" },
};

/** `q in text and k <= q or q in visual and k == q`. */
export const composite: Predicate = any(
  all(masks.textQuery, masks.causal),
  all(masks.visualQuery, masks.itself),
);
/** `q in text and k <= q`: visual rows see nothing. */
export const textOnly: Predicate = all(masks.textQuery, masks.causal);
/** `k in given or k <= q`. */
export const prefix: Predicate = any(masks.givenKey, masks.causal);
/** `k <= q or q in visual and k in visual`. */
export const imageBothWays: Predicate = any(masks.causal, all(masks.visualQuery, masks.visualKey));
/** `q in text and k <= q or q in visual and k in visual`. */
export const imageApart: Predicate = any(
  all(masks.textQuery, masks.causal),
  all(masks.visualQuery, masks.visualKey),
);
/** `k <= q and q - k < width`. */
export function sliding(width: number): Predicate {
  const distance = {
    kind: "binary",
    operator: "-",
    left: position("q"),
    right: position("k"),
  } as const;
  const number = { kind: "number", value: width } as const;
  return all(masks.causal, { kind: "compare", comparison: "<", left: distance, right: number });
}
/** All of the operands. */
export const both: (...operands: readonly Predicate[]) => Predicate = all;

/** The graph of `model`, as the checker would make it. */
export function toyMllm(model: ToyModel): Graph {
  const draft = new Draft("ToyMllm");
  axes(draft);
  const rows = sequence(draft, model);
  let x = rows.x;
  model.layers.forEach((layer, l) => {
    const path = `layers.${l}`;
    x = draft.at(path, () => decoderLayer(draft, x, rows, layer, path));
    if (model.tapped === true) draft.output(`hidden[${l}]`, x);
  });
  const text = textRows(draft, x);
  const logits = draft.contract(
    rmsNorm(draft, text, "norm"),
    draft.weight("head", ["Vocab", "D"]),
    "D",
  );
  draft.output("logits", logits);
  if (model.generates !== false)
    draft.builder.setGeneration({ tokens: "prompt", axis: "T", logits, span });
  return draft.finish();
}

function axes(draft: Draft): void {
  for (const [name, size] of Object.entries(toySizes)) draft.axis(name, size);
  draft.axis("Pair", 2);
  draft.axis("Half", toySizes.E / 2);
  draft.axis("Image", "Image");
  draft.axis("V", multiply(symbol("Image"), constant(toySizes.P)));
  draft.axis("T", "T");
  draft.builder.addAxis({
    name: "T.given",
    label: "T.given",
    size: symbol("T.given"),
    lineage: { kind: "segment", of: "T", segment: "given" },
    segments: [],
  });
  const segments = [
    { name: "visual", axis: "V" },
    { name: "text", axis: "T" },
  ];
  const size = sumOf([multiply(symbol("Image"), constant(toySizes.P)), symbol("T")]);
  draft.axis("S", size, segments);
  draft.builder.addAxis({
    name: "S.key",
    label: "K",
    size,
    lineage: { kind: "renamed", from: "S" },
    segments,
  });
}

interface Rows {
  readonly x: ValueId;
  readonly position: ValueId;
  readonly turn: (x: ValueId) => ValueId;
}

function sequence(draft: Draft, model: ToyModel): Rows {
  const image = draft.input("image", ["Image", "P", "W"]);
  const tokens = draft.input("prompt", ["T"], "int", "token");
  const visualAt = draft.input("position.visual", ["V"], "int", "position");
  const textAt = draft.input("position.text", ["T"], "int", "position");
  const join = { kind: "join", into: "S", parts: ["V", "T"] } as const;
  const projected = draft.contract(image, draft.weight("projector", ["D", "W"]), "W");
  const visual = draft.node(
    { kind: "merge", axes: ["Image", "P"], into: "V" },
    draft.map("gelu", projected),
  );
  const table = draft.weight("embed", ["Vocab", "D"]);
  let text = draft.node({ kind: "select", axis: "Vocab", padded: false }, table, tokens);
  if (model.pooled !== undefined) {
    const rows =
      model.pooled === "T"
        ? text
        : draft.node({ kind: "slice", axis: "T", start: constant(0), into: "T.given" }, text);
    text = draft.map("add", text, draft.reduce("mean", rows, model.pooled));
  }
  const position = draft.node(join, visualAt, textAt);
  return {
    x: draft.node(join, visual, text),
    position,
    turn: rotary(draft, position),
  };
}

function textRows(draft: Draft, x: ValueId): ValueId {
  const start = multiply(symbol("Image"), constant(toySizes.P));
  return draft.node({ kind: "slice", axis: "S", start, into: "T" }, x);
}

function decoderLayer(
  draft: Draft,
  x: ValueId,
  rows: Rows,
  layer: ToyLayer,
  path: string,
): ValueId {
  const { attention, mlp } = layer.visual ?? { attention: true, mlp: true };
  const attended = selfAttention(draft, rmsNorm(draft, x, `${path}.norm1`), rows, layer, path);
  const after =
    layer.textQueries === true
      ? withText(draft, x, draft.map("add", textRows(draft, x), attended))
      : add(draft, x, attended, attention);
  return add(draft, after, swiglu(draft, rmsNorm(draft, after, `${path}.norm2`), path), mlp);
}

/** `x + delta`, or that for the text rows only. */
function add(draft: Draft, x: ValueId, delta: ValueId, visual: boolean): ValueId {
  const sum = draft.map("add", x, delta);
  return visual ? sum : withText(draft, x, textRows(draft, sum));
}

/** `x with text = text`. */
function withText(draft: Draft, x: ValueId, text: ValueId): ValueId {
  const visual = draft.node({ kind: "slice", axis: "S", start: constant(0), into: "V" }, x);
  return draft.node({ kind: "join", into: "S", parts: ["V", "T"] }, visual, text);
}

function selfAttention(
  draft: Draft,
  x: ValueId,
  rows: Rows,
  layer: ToyLayer,
  path: string,
): ValueId {
  const weight = (name: string, on: readonly string[]): ValueId =>
    draft.weight(`${path}.${name}`, on);
  const asKeys = (value: ValueId): ValueId =>
    draft.node({ kind: "rename", from: "S", to: "S.key" }, value);
  const only = layer.textQueries === true;
  const q = rows.turn(draft.contract(x, weight("q", ["H", "E", "D"]), "D"));
  const k = rows.turn(draft.contract(x, weight("k", ["G", "E", "D"]), "D"));
  const v = draft.contract(x, weight("v", ["G", "E", "D"]), "D");
  const attended = draft.attend(
    {
      query: only ? "T" : "S",
      ...(only ? { querySegment: "text" } : {}),
      contracted: "E",
      value: "E",
      group: { query: "H", key: "G" },
      parts: [{ axis: "S.key", mask: layer.mask }],
      scale: 1 / Math.sqrt(toySizes.E),
      ...layer.attend,
    },
    only ? textRows(draft, q) : q,
    only ? textRows(draft, rows.position) : rows.position,
    asKeys(k),
    asKeys(v),
    asKeys(rows.position),
  );
  return draft.contract(attended, weight("o", ["D", "H", "E"]), "H", "E");
}

function swiglu(draft: Draft, x: ValueId, path: string): ValueId {
  const weight = (name: string): ValueId => draft.weight(`${path}.${name}`, ["F", "D"]);
  const gate = draft.map("silu", draft.contract(x, weight("gate"), "D"));
  const product = draft.map("multiply", gate, draft.contract(x, weight("up"), "D"));
  return draft.contract(product, draft.weight(`${path}.down`, ["D", "F"]), "F");
}

function rmsNorm(draft: Draft, x: ValueId, name: string): ValueId {
  const mean = draft.reduce("mean", draft.map("multiply", x, x), "D");
  const scale = draft.map("rsqrt", draft.map("add", mean, draft.constant(1e-5)));
  return draft.map("multiply", draft.map("multiply", x, scale), draft.weight(name, ["D"]));
}

/** Rotates pairs (i, i + E/2) by position * 100^(-2i/E). */
function rotary(draft: Draft, position: ValueId): (x: ValueId) => ValueId {
  const half = draft.map("float", draft.node({ kind: "index", axis: "Half" }));
  const exponent = draft.map("multiply", half, draft.constant((-2 * Math.log(100)) / toySizes.E));
  const angle = draft.map("multiply", draft.map("float", position), draft.map("exp", exponent));
  const [cos, sin] = [draft.map("cos", angle), draft.map("sin", angle)];
  return (x) => {
    const half = (start: number): ValueId =>
      draft.node({ kind: "slice", axis: "E", start: constant(start), into: "Half" }, x);
    const [a, b] = [half(0), half(toySizes.E / 2)];
    const times = (left: ValueId, right: ValueId): ValueId => draft.map("multiply", left, right);
    return draft.node(
      { kind: "join", into: "E", parts: ["Half", "Half"] },
      draft.map("subtract", times(a, cos), times(b, sin)),
      draft.map("add", times(b, cos), times(a, sin)),
    );
  };
}
