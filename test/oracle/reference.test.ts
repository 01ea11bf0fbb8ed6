/**
 * Systems without an oracle agree with their formulas in plain float64 (`support/reference.ts`), on
 * random weights: the definition, and every backend.
 */

import { fileURLToPath } from "node:url";
import { readSource, resolveImport } from "../../compiler/cli/sources.ts";
import { checkModel } from "../../compiler/compile.ts";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { allGiven } from "../../compiler/optimize/prompt-graph.ts";
import { growthOf } from "../../compiler/phase/growth.ts";
import { render } from "../../grammar/index.ts";
import { randomTensor, seeded } from "../support/random.ts";
import {
  addRows,
  type DecoderFacts,
  Reference,
  relu,
  type Rows,
  sigmoid,
} from "../support/reference.ts";
import { woven } from "../support/reference-woven.ts";
import { type Lookup, weightsOf } from "./checkpoint.ts";
import { type OracleCase, testCases } from "./expect-case.ts";

const tower = { Size: 8, Patch: 4, TowerWidth: 8, TowerHeads: 2, TowerMlp: 12, TowerLayers: 1 };
const seen = { size: 8, patch: 4, heads: 2, layers: 1 };
const decoder = { D: 16, H: 4, F: 20, L: 2, Vocab: 11 };
const tokens = [3, 7, 1, 10, 5];

interface System {
  readonly spec: string;
  readonly model: string;
  readonly dims: Readonly<Record<string, number>>;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly sizes: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** By output: what the formulas give. */
  readonly wanted: (stored: Lookup) => Readonly<Record<string, Rows>>;
}

const random = (shape: readonly number[], seed: number): Tensor =>
  randomTensor(seeded(seed), shape, 1);
const ints = (data: readonly number[]): Tensor => ({ element: "int", shape: [data.length], data });
const range = (from: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => from + i);

const pixels = random([1, 3, 8, 8], 1);
/** Two rows of text, four of an image, three of text; the model stores the image first. */
const places = { visual: range(2, 4), text: [0, 1, 6, 7, 8] };
const positions = [...places.visual, ...places.text];
const isVisual = (row: number): boolean => row < 4;
const causal = (q: number, k: number): boolean => (positions[k] ?? 0) <= (positions[q] ?? 0);
const prompt = {
  prompt: ints(tokens),
  "position.visual": ints(places.visual),
  "position.text": ints(places.text),
};
const facts: DecoderFacts = { heads: 4, groups: 4, positions, sees: causal };

function decoded(reference: Reference, start: Rows, path: string, about: DecoderFacts): Rows {
  const x = range(0, 2).reduce(
    (rows: Rows, l) => reference.decoderLayer(rows, `${path}layers.${l}`, about),
    start,
  );
  return reference.rmsNorm(x, `${path}norm`);
}

const hollow: System = {
  spec: "hollow/hollow",
  model: "Hollow",
  dims: { ...tower, ...decoder, G: 2 },
  parameters: { sees: "hollow(2)" },
  sizes: { Image: 1, T: 5 },
  inputs: { image: pixels, ...prompt },
  wanted: (stored) => {
    const reference = new Reference(stored);
    const rows = reference.tower(pixels.data, "vision_tower.vision_model", seen);
    const text = reference.embed(tokens, "language_model.model.embed_tokens");
    const start = [...reference.projector(rows, "multi_modal_projector"), ...text];
    const sees = (q: number, k: number): boolean => {
      const near = (positions[q] ?? 0) - (positions[k] ?? 0) < 2;
      return causal(q, k) && (!isVisual(q) || !isVisual(k) || near);
    };
    const x = decoded(reference, start, "language_model.model.", { ...facts, groups: 2, sees });
    return { logits: reference.linear(x.slice(4), "language_model.lm_head") };
  },
};

const saisa: System = {
  spec: "saisa/saisa",
  model: "Saisa7b",
  dims: { ...tower, ...decoder },
  sizes: { Image: 1, T: 5 },
  inputs: { image: pixels, ...prompt },
  wanted: (stored) => {
    const reference = new Reference(stored);
    const rows = reference.tower(pixels.data, "vision_tower.vision_model", seen);
    let text = reference.embed(tokens, "language_model.model.embed_tokens");
    for (const l of [0, 1]) {
      const path = `language_model.model.layers.${l}`;
      const x = [...reference.projector(rows, `mm_projectors.${l}`), ...text];
      const change = reference.selfAttention(
        reference.rmsNorm(x, `${path}.input_layernorm`),
        `${path}.self_attn`,
        facts,
      );
      text = addRows(text, change.slice(4));
      const normed = reference.rmsNorm(text, `${path}.post_attention_layernorm`);
      text = addRows(text, reference.swiglu(normed, `${path}.mlp`));
    }
    const last = reference.rmsNorm(text, "language_model.model.norm");
    return { logits: reference.linear(last, "language_model.lm_head") };
  },
};

/** `scale * B (A x)` of an adapter of the weight `name`. */
function adapter(
  stored: Lookup,
  name: string,
  word: string,
  x: readonly number[],
  scale: number,
): readonly number[] {
  const plain = new Reference(stored);
  const narrow = plain.matrix(`${name}.lora_A.${word}weight`, x.length);
  const inside = narrow.map((row) => row.reduce((sum, w, i) => sum + w * (x[i] ?? 0), 0));
  const wide = plain.matrix(`${name}.lora_B.${word}weight`, inside.length);
  return wide.map((row) => scale * row.reduce((sum, w, i) => sum + w * (inside[i] ?? 0), 0));
}

const damc: System = {
  spec: "damc/damc",
  model: "Damc",
  dims: { ...tower, ...decoder },
  sizes: { Image: 1, T: 5 },
  inputs: { image: pixels, ...prompt },
  wanted: (stored) => {
    const reference = new Reference(stored, (name, row, x) =>
      /layers\.\d+\./.test(name) && name.startsWith("model.")
        ? adapter(stored, name, isVisual(row) ? "image." : "default.", x, 2)
        : undefined,
    );
    const rows = reference.tower(pixels.data, "vision_tower", seen);
    const text = reference.embed(tokens, "model.embed_tokens");
    const x = decoded(
      reference,
      [...reference.projector(rows, "mm_projector"), ...text],
      "model.",
      facts,
    );
    return { logits: reference.linear(x.slice(4), "lm_head") };
  },
};

const media = random([2, 6], 3);
const modaverse: System = {
  spec: "modaverse/modaverse",
  model: "Modaverse",
  dims: { W: 6, ...decoder },
  sizes: { M: 2, T: 5 },
  inputs: {
    media,
    prompt: ints(tokens),
    "position.medium": ints([1, 4]),
    "position.text": ints([0, 2, 3, 5, 6]),
  },
  wanted: (stored) => {
    const reference = new Reference(stored, (name, _, x) =>
      name.includes("self_attn") ? adapter(stored, name, "", x, 1) : undefined,
    );
    const data = Array.from(media.data);
    const medium = reference.linear([data.slice(0, 6), data.slice(6)], "proj", true);
    const places = [1, 4, 0, 2, 3, 5, 6];
    const about = {
      ...facts,
      positions: places,
      sees: (q: number, k: number) => (places[k] ?? 0) <= (places[q] ?? 0),
    };
    const text = reference.embed(tokens, "model.embed_tokens");
    const x = decoded(reference, [...medium, ...text], "model.", about);
    return { logits: reference.linear(x.slice(2), "lm_head") };
  },
};

const given = random([1, 4], 4);
const perception: System = {
  spec: "perception-gpt/perception-gpt",
  model: "PerceptionGpt",
  dims: { ...tower, ...decoder },
  sizes: { Image: 1, Given: 1, Asked: 2, T: 5 },
  inputs: {
    image: pixels,
    given,
    asked_at: ints([2, 4]),
    prompt: ints(tokens),
    "position.visual": ints(range(1, 4)),
    "position.box": ints([6]),
    "position.text": ints([0, 5, 7, 8, 9]),
  },
  wanted: (stored) => {
    const reference = new Reference(stored, (name, _, x) =>
      /model\.layers.*\.[qv]_proj/.test(name) ? adapter(stored, name, "", x, 1) : undefined,
    );
    const places = [1, 2, 3, 4, 6, 0, 5, 7, 8, 9];
    const sees = (q: number, k: number): boolean => (places[k] ?? 0) <= (places[q] ?? 0);
    const visual = reference.projector(
      reference.tower(pixels.data, "vision_tower", seen),
      "mm_projector",
    );
    const box = reference.linear([Array.from(given.data)], "box_encoder", true);
    const text = reference.embed(tokens, "model.embed_tokens");
    const all = decoded(reference, [...visual, ...box, ...text], "model.", {
      ...facts,
      positions: places,
      sees,
    });
    const x = all.slice(5);
    let boxes: Rows = [x[1] ?? [], x[3] ?? []];
    for (const layer of [0, 2])
      boxes = reference.linear(boxes, `box_head.${layer}`, true).map((row) => row.map(relu));
    boxes = reference.linear(boxes, "box_head.4", true).map((row) => row.map(sigmoid));
    return { boxes, logits: reference.linear(x, "lm_head") };
  },
};

const ola: System = {
  spec: "ola-vlm/ola-vlm",
  model: "OlaVlm",
  dims: { ...tower, ...decoder, G: 2, Task: 1 },
  parameters: { taps: "[0]" },
  sizes: { Image: 1, T: 5 },
  inputs: {
    image: pixels,
    prompt: ints(tokens),
    "position.visual": ints(range(1, 4)),
    "position.task": ints(range(5, 3)),
    "position.text": ints([0, 8, 9, 10, 11]),
  },
  wanted: (stored) => {
    const reference = new Reference(stored);
    const places = [...range(1, 7), 0, 8, 9, 10, 11];
    const sees = (q: number, k: number): boolean => (places[k] ?? 0) <= (places[q] ?? 0);
    const about = { ...facts, groups: 2, positions: places, sees, theta: 500000 };
    const visual = reference.projector(
      reference.tower(pixels.data, "vision_tower", seen),
      "mm_projector",
    );
    const task = reference.matrix("special_tokens", 16);
    const text = reference.embed(tokens, "model.embed_tokens");
    const first = reference.decoderLayer([...visual, ...task, ...text], "model.layers.0", about);
    const last = reference.rmsNorm(
      reference.decoderLayer(first, "model.layers.1", about),
      "model.norm",
    );
    return { "told[0]": first.slice(4, 7), logits: reference.linear(last.slice(7), "lm_head") };
  },
};

const frames = random([2, 2, 6], 5);
const stLlm: System = {
  spec: "st-llm/st-llm",
  model: "StLlm",
  dims: { Q: 2, W: 6, Narrow: 4, ...decoder },
  sizes: { Frame: 2, T: 5 },
  inputs: { frames, ...prompt },
  wanted: (stored) => {
    const reference = new Reference(stored);
    const data = Array.from(frames.data);
    const rows = reference.linear(
      range(0, 4).map((i) => data.slice(i * 6, i * 6 + 6)),
      "llama_proj",
      true,
    );
    const whole = [0, 1].map((q) =>
      (rows[q] ?? []).map((x, i) => (x + (rows[q + 2]?.[i] ?? 0)) / 2),
    );
    const narrow = reference.linear(whole, "adapter.down", true).map((row) => row.map(relu));
    const shared = reference.linear(narrow, "adapter.up", true);
    const text = reference.embed(tokens, "llama_model.model.embed_tokens");
    const start = [...addRows(rows, [...shared, ...shared]), ...text];
    const x = decoded(reference, start, "llama_model.model.", facts);
    return { logits: reference.linear(x.slice(4), "llama_model.lm_head") };
  },
};

const features = random([1, 3, 20], 6);
const pathWeave: System = {
  spec: "pathweave/pathweave",
  model: "PathWeave",
  dims: {},
  sizes: { B: 1, K: 3 },
  inputs: { features },
  wanted: (stored) => woven(stored, features),
};

/** Random tensors by the names that a checkpoint has, of the shapes that `graph` declares. */
function randomWeights(graph: Graph): Lookup {
  const shapes = new Map<string, readonly number[]>();
  for (const { alternatives, axes } of graph.weights.values()) {
    const sizes = axes.map((axis) =>
      evaluateDimension(graph.axes.get(axis)?.size ?? missing(axis), new Map()),
    );
    const [names = []] = alternatives;
    for (const name of names) shapes.set(name, names.length > 1 ? sizes.slice(1) : sizes);
  }
  return (name) => {
    const shape = shapes.get(name) ?? missing(name);
    const seed = [...name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 100003, 7);
    return randomTensor(seeded(seed), shape, 0.6);
  };
}

function missing(name: string): never {
  throw new RangeError(`there is no ${name}`);
}

function oracleCase(system: System): OracleCase {
  const file = fileURLToPath(new URL(`../../examples/${system.spec}.braid`, import.meta.url));
  const source = readSource(file);
  const { value, diagnostics } = checkModel(source, {
    resolve: resolveImport,
    model: system.model,
    dims: new Map(Object.entries(system.dims)),
    parameters: new Map(Object.entries(system.parameters ?? {})),
  });
  if (value === undefined)
    throw new RangeError(render(diagnostics, new Map([[source.file, source.text]])));
  const whole = value.graph;
  const { generation: _, ...graph } =
    whole.generation === undefined ? whole : allGiven(whole, growthOf(whole));
  const checkpoint = randomWeights(graph);
  const environment: Environment = {
    sizes: new Map(Object.entries(system.sizes)),
    inputs: new Map(Object.entries(system.inputs)),
    weights: weightsOf(graph, checkpoint),
  };
  const wanted = system.wanted(checkpoint);
  return {
    name: system.model,
    graph: { ...graph, outputs: graph.outputs.filter(({ name }) => name in wanted) },
    environment,
    checkpoint,
    wanted: (name) => {
      const rows = wanted[name] ?? [];
      const shape = [rows.length, rows[0]?.length ?? 0];
      const batched = "B" in system.sizes ? [1, ...shape] : shape;
      return { element: "float", shape: batched, data: rows.flat() };
    },
  };
}

const systems = [hollow, saisa, damc, modaverse, perception, ola, stLlm, pathWeave];
await testCases(systems.map(oracleCase));
