/** Phases of models written in the language: media beside the sequence, plain text, given rows. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { Environment } from "../../../compiler/graph/evaluate-context.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { expectRow } from "../../support/close.ts";
import { randomTensor, seeded } from "../../support/random.ts";
import { PhaseRun } from "../../support/run-phases.ts";
import { ints, weightsOf } from "../../support/toy-prompt.ts";
import { graphOf } from "../check/support.ts";

const total = 6;
const given = 3;

function environmentOf(graph: Graph): Environment {
  const inputs = graph.inputs.map(({ name, role, type }) => {
    const shape = type.axes.map((axis) => {
      const size = graph.axes.get(axis)?.size.key;
      return size === "T" ? total : size === "M" ? 4 : Number(size);
    });
    const rows = Array.from({ length: shape[0] ?? 0 }, (_, i) => i);
    if (role === "tensor") return [name, randomTensor(seeded(3), shape, 1)] as const;
    return [name, ints(rows.map((i) => (role === "token" ? (i * 5) % 11 : i)))] as const;
  });
  const sizes = new Map([
    ["T", total],
    ["T.given", given],
    ["M", 4],
  ]);
  return { sizes, inputs: new Map(inputs), weights: weightsOf(graph), given };
}

/** Checks that phases agree with the whole graph, and gives their names and what they leave. */
function phasesOf(text: string): readonly string[] {
  const graph = graphOf(text);
  const split = splitPhases(optimize(graph));
  expect(split.diagnostics).toEqual([]);
  const environment = environmentOf(graph);
  const wanted = evaluateGraph(graph, environment).outputs.get("logits");
  const run = new PhaseRun(graph, split);
  run.prepare(environment);
  expectRow(run.next(environment, 0, given), wanted, given - 1, "given");
  for (let row = given; row < total; row++)
    expectRow(run.next(environment, row, row + 1), wanted, row, `row ${row}`);
  return split.phases.map(({ name }) => {
    const states = split.states.filter((state) => state.phase === name);
    return `${name}: ${states.map((state) => state.name).join(", ")}`;
  });
}

const ends = `
  weight head: [Vocab, D]
  logits = x @ head
  output logits
  generate prompt from logits
}
`;

test("plain text has one phase to prefill and to step", () => {
  const text = `
import { causal, self_attention } from "std/attention"
model Text[D = 8, H = 4, G = 2, E = 4, Vocab = 11] {
  input prompt: token[T]
  weight embed: [Vocab, D]
  x = embed[Vocab = prompt]
  sequence S = text: T
  x = join S(text = x)
  x = x + self_attention[H, G, E](x, causal) at layers[0].self_attn
  x = x + self_attention[H, G, E](x, causal) at layers[1].self_attn
  x = x.text
${ends}`;
  const [extend, forward, more] = phasesOf(text);
  expect(extend).toBe(
    "extend: layers.0.self_attn.k, layers.0.self_attn.v, position, layers.1.self_attn.k, layers.1.self_attn.v",
  );
  expect([forward, more]).toEqual(["forward: ", undefined]);
});

test("media beside the sequence are read by its rows and kept", () => {
  const text = `
import { causal, self_attention, cross_attention } from "std/attention"
model Cross[D = 8, H = 4, G = 2, E = 4, W = 5, Vocab = 11] {
  input media: [M, W]
  input prompt: token[T]
  weight embed: [Vocab, D]
  x = embed[Vocab = prompt]
  sequence S = text: T
  x = join S(text = x)
  x = x + self_attention[H, G, E](x, causal) at layers[0].self_attn
  x = x + cross_attention[H, G, E](x, media) at layers[0].cross_attn
  x = x.text
${ends}`;
  const [media, extend] = phasesOf(text);
  expect(media).toBe("media: layers.0.cross_attn.k.media, layers.0.cross_attn.v.media");
  expect(extend).toBe("extend: layers.0.self_attn.k, layers.0.self_attn.v, position");
});

test("a summary of the given rows is made once, with the prompt", () => {
  const text = `
import { causal, self_attention } from "std/attention"
model Summary[D = 8, H = 4, G = 2, E = 4, Vocab = 11] {
  input prompt: token[T]
  weight embed: [Vocab, D]
  x = embed[Vocab = prompt]
  summary = mean(x over T.given)
  sequence S = text: T
  x = join S(text = x + summary)
  x = x + self_attention[H, G, E](x, causal) at layers[0].self_attn
  x = x.text
${ends}`;
  const [prompt, extend] = phasesOf(text);
  expect(prompt).toMatch(/^prompt: [a-z.]*summary\.prompt$/);
  expect(extend).toBe("extend: layers.0.self_attn.k, layers.0.self_attn.v, position");
});
