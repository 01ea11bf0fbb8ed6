import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { printGraph } from "../../../compiler/graph/print.ts";
import { checkText, graphOf } from "./support.ts";

const root = resolve(import.meta.dirname, "../../..");
/** The whole model of the language's description. */
const text = readFileSync(join(root, "test/grammar/ee-mllm.braid"), "utf8");

/** The example made small enough to read: one layer, two heads, images of four patches. */
const small = new Map(
  Object.entries({ D: 8, H: 2, G: 1, E: 4, F: 6, L: 1, Vocab: 10, Size: 4, Patch: 2 }),
);

test("the example of the language has no mistakes and is a graph", () => {
  const { graph, text: said } = checkText(text);
  expect(said).toBe("");
  expect(graph?.name).toBe("EeMllm");
  expect(graph?.inputs.map((input) => input.name)).toEqual([
    "image",
    "prompt",
    "position.visual",
    "position.text",
  ]);
  expect(graph?.generation).toMatchObject({ tokens: "prompt", axis: "T" });
});

test("one argument apart, two models are the same graph but for their masks", () => {
  const [first, second] = ["EeMllm", "Llava"].map((model) => {
    const lines = printGraph(graphOf(text, { model, dims: small })).split("\n");
    return lines.filter((line) => !line.includes("= attend") && !line.startsWith("graph "));
  });
  expect(first).toEqual(second);
});

test("the example at a small size", async () => {
  const layers = text.replace("clip_vision[Patch]", "clip_vision[Patch, 4, 2, 4, 1]");
  const printed = printGraph(graphOf(layers, { dims: small }));
  await expect(`${printed}\n`).toMatchFileSnapshot(
    join(root, "test/golden/check/ee-mllm.graph.txt"),
  );
});
