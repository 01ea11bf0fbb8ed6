/** FLOPs of full-size systems, counted as papers count them, are the figures of the literature. */

import { expect, test } from "vitest";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { graphFlops } from "../../compiler/graph/flops.ts";
import type { Graph, Node } from "../../compiler/graph/graph.ts";
import { paperFlops, totalOf } from "../../compiler/report/papers.ts";
import { evaluateGraph } from "../../compiler/graph/evaluate.ts";
import { readCase, readCheckpoint, weightsOf } from "./checkpoint.ts";
import { environmentOf, exampleGraph } from "./model.ts";
import { onePrompts } from "./prompts.ts";

const sizes = (text: number): ReadonlyMap<string, number> =>
  new Map([
    ["Image", 1],
    ["T", text],
    ["T.given", text],
  ]);

function counted(graph: Graph, text: number): number {
  const papers = paperFlops(graph);
  if (papers === undefined) throw new Error(`${graph.name} has no decoder`);
  return evaluateDimension(totalOf(papers.counted), sizes(text));
}

const llava = exampleGraph("llava/llava", "Llava7b");
const percent = (part: number, text: number): string =>
  ((100 * part) / counted(llava, text)).toFixed(1);

test("LLaVA-1.5-7B: 8.50 TFLOP, and ShortV 4.7 of them", () => {
  const shortv = counted(exampleGraph("shortv/shortv", "ShortV7b"), 64);
  expect((counted(llava, 64) / 1e12).toFixed(2)).toBe("8.50");
  expect((shortv / 1e12).toFixed(1)).toBe("4.7");
});

test("SAISA saves 66 %, its projectors counted", () => {
  const saisa = exampleGraph("saisa/saisa", "Saisa7b");
  const projectors = graphFlops(
    saisa,
    ({ op, origin }) => op.kind === "contract" && origin.path.startsWith("mm_projectors"),
  );
  const all = counted(saisa, 64) + evaluateDimension(projectors, sizes(64));
  expect(percent(all, 64)).toBe("33.6");
});

test.each([
  ["Honeybee7bC", "11.1"],
  ["Honeybee7bC256", "21.3"],
  ["Honeybee7bC576", "38.7"],
])(
  "the convolutions and linear maps of %s's abstractor need %s GFLOP an image",
  (model, wanted) => {
    const counts = ({ op, origin: { path } }: Node): boolean =>
      path.startsWith("abstractor") && (op.kind === "contract" || /\bconv2\.conv$/.test(path));
    const flops = graphFlops(exampleGraph("honeybee/honeybee", model), counts);
    expect((evaluateDimension(flops, sizes(0)) / 1e9).toFixed(1)).toBe(wanted);
  },
);

test("EE-MLLM-F with 19 of 32 layers: (13 + 19 × 90.5 %) / 32 of LLaVA", () => {
  const composite = exampleGraph("ee-mllm/ee-mllm-f", "EeMllmF7b");
  expect(percent(counted(composite, 64), 64)).toBe("94.3");
});

test("a layer's contribution is a divergence, 0 for none and more for each", async () => {
  const graph = exampleGraph("ee-mllm/ee-mllm-f", "Contribution");
  const llava = await readCase("llava");
  const weights = weightsOf(graph, await readCheckpoint("llava"));
  const { one } = onePrompts(llava);
  const environment = environmentOf(
    graph,
    await readCheckpoint("llava"),
    one,
    llava("input.pixels"),
  );
  const { outputs } = evaluateGraph(graph, { ...environment, weights });
  const found = [0, 1, 2].map((l) => outputs.get(`contribution[${l}]`)?.data[0] ?? Number.NaN);
  // Visual rows of the last layer are read by nothing.
  expect(found[2]).toBe(0);
  expect(Math.min(found[0] ?? 0, found[1] ?? 0)).toBeGreaterThan(0);
});

// The paper does not say how long its prompts are; Vicuna's system prompt has 35 tokens.
test("FastV at K = 3, R = 50 % needs 57 % with 35 rows of text", () => {
  const fastv = exampleGraph("fastv/fastv", "FastV7b");
  expect([24, 35, 64].map((text) => percent(counted(fastv, text), text))).toEqual([
    "56.2",
    "57.0",
    "58.9",
  ]);
});
