/** The consequences of a mask, as facts and as graphs whose figures differ step by step. */

import { expect, test } from "vitest";
import { graphFlops } from "../../../compiler/graph/flops.ts";
import type { Graph, Node } from "../../../compiler/graph/graph.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { evaluateDimension } from "../../../compiler/op/dimension.ts";
import { explain } from "../../../compiler/optimize/explain.ts";
import type { Consequence } from "../../../compiler/phase/consequences.ts";
import { composite, masks, type ToyModel, toyMllm, toySizes } from "../../support/toy-mllm.ts";

const layers = (layer: ToyModel["layers"][number]): ToyModel => ({ layers: [layer, layer] });

/** The decoder's operations: its layers' products and attention. */
function decoderFlops(graph: Graph, visual: number, text: number): number {
  const counts = (node: Node): boolean =>
    node.op.kind === "attend" ||
    (node.op.kind === "contract" &&
      node.args.some((arg) => {
        const op = graph.nodes[arg]?.op;
        return op?.kind === "weight" && op.name.startsWith("layers.");
      }));
  const sizes = new Map([
    ["Image", visual / toySizes.P],
    ["T", text],
    ["T.given", text],
  ]);
  return evaluateDimension(graphFlops(graph, counts), sizes);
}

/** The formula of papers for two layers: rows through q and o, through k and v, the MLP; scores. */
function formula(rows: { q: number; o: number; kv: number; mlp: number; scores: number }): number {
  const { D, H, G, E, F } = toySizes;
  const products = (rows.q + rows.o) * H * E * D + rows.kv * 2 * G * E * D + rows.mlp * 3 * F * D;
  return 2 * 2 * (products + rows.scores * H * 2 * E);
}

test("composite: each step computes what the formula says", () => {
  const { checked, verdicts, queries } = explain(toyMllm(layers({ mask: composite })));
  const [v, t] = [6, 5];
  const all = v + t;
  expect(decoderFlops(checked, v, t)).toBe(
    formula({ q: all, o: all, kv: all, mlp: all, scores: all * all }),
  );
  expect(decoderFlops(verdicts, v, t)).toBe(
    formula({ q: all, o: all, kv: all, mlp: all, scores: t * all }),
  );
  expect(decoderFlops(queries, v, t)).toBe(
    formula({ q: t, o: all, kv: all, mlp: all, scores: t * all }),
  );
});

test("composite with frozen MLP rows: the MLP runs on text", () => {
  const model = layers({ mask: composite, visual: { attention: true, mlp: false } });
  const { queries } = explain(toyMllm(model));
  const [v, t] = [3, 4];
  expect(decoderFlops(queries, v, t)).toBe(
    formula({ q: t, o: v + t, kv: v + t, mlp: t, scores: t * (v + t) }),
  );
});

test("causal: neither verdicts nor queries save anything, and the last layer does", () => {
  const { checked, verdicts, queries, demand } = explain(toyMllm(layers({ mask: masks.causal })));
  const [v, t] = [6, 5];
  const whole = decoderFlops(checked, v, t);
  expect(decoderFlops(verdicts, v, t)).toBe(whole);
  expect(decoderFlops(queries, v, t)).toBe(whole);
  expect(decoderFlops(demand, v, t)).toBeLessThan(whole);
});

test("every step's graph is well-formed", () => {
  for (const mask of [composite, masks.causal]) {
    const { checked, verdicts, queries, demand } = explain(toyMllm(layers({ mask })));
    for (const graph of [checked, verdicts, queries, demand]) verifyGraph(graph, "explain");
  }
});

test("composite: the facts, in the order in which they are applied", () => {
  const { consequences } = explain(toyMllm(layers({ mask: composite })));
  expect(consequences.map(({ kind }) => kind)).toEqual([
    "verdicts",
    "queries",
    "demand",
    "phases",
    "extend",
  ]);
  const shown = consequences.map(show);
  expect(shown).toEqual([
    "2 attentions: visual of visual diagonal, text none → identity; text of visual causal, text causal → attend",
    "layers.0.q 3 * Image + T → T; layers.1.q 3 * Image + T → T",
    "layers.1.o, layers.1.gate, layers.1.up, layers.1.down: → T",
    "image(image) place(position.visual) extend(prompt, position.visual, position.text) forward(prompt, position.visual, position.text)",
    "in all 2 masks over growing rows no old row sees a new one",
  ]);
});

function show(fact: Consequence): string {
  switch (fact.kind) {
    case "verdicts": {
      const segments = fact.segments.map(({ query, keys, result }) => {
        const seen = keys.map(({ key, verdict }) => `${key} ${verdict.kind}`).join(", ");
        return `${query} of ${seen} → ${result}`;
      });
      return `${fact.attentions.length} attentions: ${segments.join("; ")}`;
    }
    case "queries":
      return fact.products
        .map(({ weight, before, after }) => `${weight} ${before.key} → ${after.key}`)
        .join("; ");
    case "demand": {
      const after = new Set(fact.products.map((product) => product.after.key));
      return `${fact.products.map(({ weight }) => weight).join(", ")}: → ${[...after].join(", ")}`;
    }
    case "phases":
      return fact.phases.map(({ name, inputs }) => `${name}(${inputs.join(", ")})`).join(" ");
    case "extend":
      return fact.reason;
  }
}
