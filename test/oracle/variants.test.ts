/** Masks and scores of all kinds agree with the oracle's dense attention. */

import { expect, test } from "vitest";
import { type Environment, evaluateGraph } from "../../compiler/graph/evaluate.ts";
import { axisAt, type Graph } from "../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import { testedBackends } from "../support/backends.ts";
import { planGraph } from "../support/run-graph.ts";
import { type Expected, graphTolerance, unitRoundoff, worstOf } from "../support/tolerance.ts";
import { readCase } from "./checkpoint.ts";
import { specModel } from "./model.ts";
import { forward, openPlanned } from "./run.ts";

const oracle = await readCase("attention-variants");
const { graph } = specModel("variants.braid", "Variants");
const environment = environmentOf(graph);

function environmentOf({ inputs }: Graph): Environment {
  const given = inputs.map(({ name }) => [name, oracle(`input.${name}`)] as const);
  return { sizes: new Map(), inputs: new Map(given), weights: noWeight };
}

function noWeight(name: string): never {
  throw new RangeError(`there is no weight ${name}`);
}

/** The oracle's name of an output. */
function wantedOf(output: string): string {
  return output === "causal_lse" ? "output.causal.lse" : `output.${output}.out`;
}

/** Expects each output to be the oracle's tensor, whose numbers are rounded to float32. */
function compare(
  outputs: ReadonlyMap<string, NamedTensor>,
  tolerances: ReadonlyMap<string, Expected>,
): void {
  for (const { name } of graph.outputs) {
    const found = outputs.get(name);
    const wanted = oracle(wantedOf(name));
    const { tolerance } = tolerances.get(name) ?? { tolerance: new Float64Array() };
    if (found === undefined) throw new RangeError(`no output ${name}`);
    const labels = found.axes.map((axis) => axisAt(graph, axis).label);
    expect(found.shape, `${name} over ${labels.join(", ")}`).toEqual(wanted.shape);
    const bounds = tolerance.map((t, i) => t + unitRoundoff.f32 * Math.abs(wanted.data[i] ?? 0));
    expect(worstOf(found.data, wanted.data, bounds), name).toBeUndefined();
  }
}

test("definition in float64", () => {
  const { outputs } = evaluateGraph(graph, environment);
  compare(outputs, graphTolerance(graph, environment, { unit: unitRoundoff.f64 }));
});

const single = graphTolerance(graph, environment);

test("definition in float32", () => {
  compare(evaluateGraph(graph, environment, { precision: "float32" }).outputs, single);
});

for (const backend of await testedBackends()) {
  test.skipIf(backend.missing !== undefined)(backend.name, async () => {
    const session = await openPlanned(backend, graph, planGraph(graph, backend.family), noWeight);
    try {
      compare(await forward(session, graph, environment), single);
    } finally {
      session.close();
    }
  });
}
