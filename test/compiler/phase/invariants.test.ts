/** What must hold of composite attention however it is compiled. */

import { expect, test } from "vitest";
import type { Environment } from "../../../compiler/graph/evaluate.ts";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../../compiler/graph/tensor.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { expectSame, reassociation } from "../../support/close.ts";
import { PhaseRun } from "../../support/run-phases.ts";
import { composite, masks, textOnly, type ToyModel, toyMllm } from "../../support/toy-mllm.ts";
import { ints, toyEnvironment } from "../../support/toy-prompt.ts";

const layers = (layer: ToyModel["layers"][number]): ToyModel => ({
  layers: [layer, layer, layer],
});
const model = toyMllm(layers({ mask: composite }));
const plain = toyMllm(layers({ mask: masks.causal }));

function running(graph: Graph): PhaseRun {
  return new PhaseRun(graph, splitPhases(optimize(graph)));
}

/** The logits of the last row of a whole prompt, by phases. */
function answer(graph: Graph, environment: Environment, run = running(graph)): NamedTensor {
  run.prepare(environment);
  run.clear();
  return run.next(environment, 0, environment.sizes.get("T") ?? 0);
}

function logits(graph: Graph, environment: Environment): NamedTensor {
  const found = evaluateGraph(graph, environment).outputs.get("logits");
  if (found === undefined) throw new RangeError("the graph has no logits");
  return found;
}

function difference(a: NamedTensor, b: NamedTensor): number {
  return a.data.reduce((most, x, i) => Math.max(most, Math.abs(x - (b.data[i] ?? Infinity))), 0);
}

test("frozen rows by mask and by `x with text` are one model", () => {
  const byMask = toyMllm(layers({ mask: textOnly, visual: { attention: true, mlp: false } }));
  const byText = toyMllm(layers({ mask: composite, visual: { attention: false, mlp: false } }));
  const prompt = toyEnvironment(byMask, { layout: "titt", seed: 1 });
  expectSame("logits", answer(byMask, prompt), answer(byText, prompt));
});

test("without an image, and before one, the text is what the language model says", () => {
  const none = toyEnvironment(model, { layout: "ttttt", seed: 2 });
  expectSame("no image", answer(model, none), answer(plain, none));
  const before = toyEnvironment(model, { layout: "ttttti", seed: 2 });
  expectSame("image last", answer(model, before), answer(model, none));
});

test("rows may move with their positions, not without them", () => {
  const prompt = toyEnvironment(model, { layout: "titt", seed: 3 });
  const wanted = answer(model, prompt);
  const image = prompt.inputs.get("image");
  if (image === undefined) throw new RangeError("no image");
  const width = image.shape[2] ?? 0;
  const order = [2, 0, 1];
  const data = order.flatMap((row) => Array.from(image.data).slice(row * width, (row + 1) * width));
  const moved = new Map(prompt.inputs).set("image", { ...image, data });
  const contents = answer(model, { ...prompt, inputs: moved });
  expect(difference(contents, wanted)).toBeGreaterThan(2 ** 10 * reassociation);
  const positions = ints(order.map((row) => 1 + row));
  const both = new Map(moved).set("position.visual", positions);
  expectSame("moved", answer(model, { ...prompt, inputs: both }), wanted);
});

test("an image's states do not depend on the text, and its values not on where it stands", () => {
  const run = running(model);
  const states = (layout: string, textSeed: number): Map<string, NamedTensor> => {
    run.prepare(toyEnvironment(model, { layout, seed: 4, textSeed }));
    return new Map([...run.states].filter(([name]) => /image|place/.test(name)));
  };
  const first = states("titt", 1);
  expect(first.size).toBe(9);
  expect(states("titt", 2)).toEqual(first);
  const later = states("tttitt", 1);
  for (const [name, value] of first) {
    if (name.includes("image")) expect(later.get(name), name).toEqual(value);
    else expect(difference(later.get(name) ?? value, value), name).toBeGreaterThan(0);
  }
});

test("an image is prepared once for several questions", () => {
  const run = running(model);
  const first = toyEnvironment(model, { layout: "titt", seed: 5, textSeed: 1 });
  const second = toyEnvironment(model, { layout: "titt", seed: 5, textSeed: 2 });
  run.prepare(first);
  for (const prompt of [first, second]) {
    run.clear();
    const wanted = logits(model, prompt);
    const last = wanted.data.slice(2 * (wanted.shape[1] ?? 0));
    const actual = run.next(prompt, 0, 3);
    expectSame("answer", actual, { ...wanted, axes: actual.axes, shape: actual.shape, data: last });
  }
  expect(run.ran).toEqual(["image", "place", "extend", "extend"]);
});

test("with a causal mask the image's rows do depend on the text before it", () => {
  const run = running(plain);
  const states = (textSeed: number): Map<string, NamedTensor> => {
    const prompt = toyEnvironment(plain, { layout: "titt", seed: 6, textSeed });
    run.prepare(prompt);
    run.clear();
    run.next(prompt, 0, 3);
    return new Map([...run.states].filter(([name]) => name.includes("prompt")));
  };
  const [first, second] = [states(1), states(2)];
  const changed = [...first].filter(
    ([name, value]) => difference(second.get(name) ?? value, value) > 0,
  );
  expect(changed.length).toBeGreaterThan(0);
});
