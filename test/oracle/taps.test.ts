/**
 * Everything inside the models agrees with the oracles, which are PyTorch's float64 results rounded to
 * float32: the definition of the graph in float64, in float32, and every backend.
 */

import { expect, test } from "vitest";
import { type Environment, evaluateGraph } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { NamedTensor, Tensor } from "../../compiler/graph/tensor.ts";
import { testedBackends } from "../support/backends.ts";
import { planGraph } from "../support/run-graph.ts";
import type { ErrorOptions } from "../../compiler/graph/estimate-error.ts";
import { type Expected, expectWithin, graphTolerance, unitRoundoff } from "../support/tolerance.ts";
import { readCase, readCheckpoint } from "./checkpoint.ts";
import { environmentOf, type Prompt, tinyModel } from "./model.ts";
import {
  lastPrompt,
  llavaTaps,
  onePrompts,
  type Reading,
  readings,
  readingTaps,
  rowsAt,
  twoPrompt,
} from "./prompts.ts";
import { forward, openPlanned } from "./run.ts";

const llava = await readCase("llava");
const composite = await readCase("ee-mllm");
const checkpoint = await readCheckpoint("llava");
const { one, plain } = onePrompts(llava);
const two = twoPrompt(llava);
const last = lastPrompt(composite);

interface Case {
  readonly name: string;
  readonly model: string;
  readonly prompt: Prompt;
  /** What the oracle has, by output. */
  readonly taps: ReadonlyMap<string, Tensor>;
}

const text = (name: string): ReadonlyMap<string, Tensor> =>
  new Map([["logits_text", composite(name)]]);
const names: readonly Reading[] = ["vo_ffn", "vo", "ffn", "none"];
const plainTaps = new Map([["logits_text", llava("output.plain.logits")]]);

const cases: readonly Case[] = [
  { name: "llava, one", model: "Llava", prompt: one, taps: llavaTaps(llava, one) },
  { name: "llava, plain", model: "Llava", prompt: plain, taps: plainTaps },
  {
    name: "llava, two",
    model: "Llava",
    prompt: two,
    taps: new Map([
      ["projected", llava("output.projected")],
      ["logits_visual", rowsAt(llava("output.two.logits"), two.visualAt)],
      ["logits_text", rowsAt(llava("output.two.logits"), two.textAt)],
    ]),
  },
  ...names.flatMap((name): readonly Case[] => {
    const model = readings[name];
    const of = { model, taps: text(`output.${name}.two.logits`) };
    return [
      { name: `${name}, main`, model, prompt: one, taps: readingTaps(composite, name) },
      { ...of, name: `${name}, two`, prompt: two },
      { name: `${name}, last`, model, prompt: last, taps: text("output.last.logits") },
      { name: `${name}, plain`, model, prompt: plain, taps: plainTaps },
    ];
  }),
  { name: "shortv", model: "ShortV", prompt: one, taps: text("output.shortv.logits") },
];

interface Prepared extends Case {
  readonly graph: Graph;
  readonly environment: Environment;
}

/** One graph a model, with all outputs that the oracle has for any prompt. */
const graphs = new Map(
  [...new Set(cases.map(({ model }) => model))].map((model) => {
    const { graph } = tinyModel(`Tapped${model}`);
    const taps = new Set(
      cases.flatMap((each) => (each.model === model ? [...each.taps.keys()] : [])),
    );
    const outputs = graph.outputs.filter(({ name }) => taps.has(name));
    return [model, { ...graph, outputs }] as const;
  }),
);

const prepared = cases.map((each): Prepared => {
  const graph = graphs.get(each.model);
  if (graph === undefined) throw new RangeError(`no model ${each.model}`);
  const environment = environmentOf(graph, checkpoint, each.prompt, llava("input.pixels"));
  return { ...each, graph, environment };
});

/** Expects each output to be the oracle's tensor, whose numbers are rounded to float32. */
function compare(
  outputs: ReadonlyMap<string, NamedTensor>,
  { name, taps }: Prepared,
  tolerances: ReadonlyMap<string, Expected>,
): void {
  for (const [output, oracle] of taps) {
    const found = outputs.get(output);
    const derived = tolerances.get(output);
    if (found === undefined || derived === undefined) throw new RangeError(`no output ${output}`);
    expect(found.shape, output).toEqual(oracle.shape);
    const data = Float64Array.from(oracle.data);
    const tolerance = derived.tolerance.map(
      (each, i) => each + unitRoundoff.f32 * Math.abs(data[i] ?? 0),
    );
    expectWithin(found, { value: { ...derived.value, data }, tolerance }, `${name}: ${output}`);
  }
}

const single = new Map<string, ReadonlyMap<string, Expected>>();

function singleTolerance(
  { name, graph, environment }: Prepared,
  errors: ErrorOptions = {},
): ReadonlyMap<string, Expected> {
  const key = `${name} ${JSON.stringify(errors)}`;
  const found = single.get(key) ?? graphTolerance(graph, environment, errors);
  single.set(key, found);
  return found;
}

for (const each of prepared) {
  test(`definition in float64: ${each.name}`, () => {
    const { outputs } = evaluateGraph(each.graph, each.environment);
    compare(
      outputs,
      each,
      graphTolerance(each.graph, each.environment, { unit: unitRoundoff.f64 }),
    );
  });

  test(`definition in float32: ${each.name}`, () => {
    const { outputs } = evaluateGraph(each.graph, each.environment, { precision: "float32" });
    compare(outputs, each, singleTolerance(each));
  });
}

for (const backend of await testedBackends()) {
  for (const [index, [model, graph]] of [...graphs].entries()) {
    if (!backend.takes(index)) continue;
    test.skipIf(backend.missing !== undefined)(`${backend.name}: ${model}`, async () => {
      const planned = planGraph(graph, backend.target);
      const session = await openPlanned(backend, graph, planned, checkpoint);
      try {
        for (const each of prepared.filter((other) => other.model === model)) {
          const bounds = singleTolerance(each, backend.errors);
          compare(await forward(session, graph, each.environment), each, bounds);
        }
      } finally {
        session.close();
      }
    });
  }
}
