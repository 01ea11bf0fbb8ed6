/** Kernels compute what the graph means: plans run on evaluated kernel IR, against `evaluateGraph`. */

import { expect, test } from "vitest";
import { type Environment, evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { evaluateBackend } from "../../support/evaluate-backend.ts";
import { seeds } from "../../support/random.ts";
import { randomEnvironment, randomGraph } from "../../support/random-graph.ts";
import { planGraph, runPlanned } from "../../support/run-graph.ts";

for (const family of ["cpu", "gpu"] as const) {
  for (const seed of seeds(60)) {
    test(`${family}, random graph ${seed}`, async () => {
      const graph = randomGraph(seed, { nodes: 12 });
      const environment = validTokens(randomEnvironment(graph, seed));
      const planned = planGraph(graph, family);
      for (const kernel of planned.kernels) verifyKernel(kernel);
      const backend = evaluateBackend(planned.kernels, family);
      const actual = await runPlanned(graph, planned, backend, {}, environment);
      const wanted = evaluateGraph(graph, environment, { precision: "float32" }).outputs;
      expect([...actual.keys()]).toEqual([...wanted.keys()]);
      for (const [name, value] of wanted) {
        const found = actual.get(name);
        expect(found?.shape, name).toEqual(value.shape);
        const worst = value.data.reduce((most, each, i) => {
          const other = found?.data[i] ?? Number.NaN;
          return each === other
            ? most
            : Math.max(most, Math.abs(each - other) / (1 + Math.abs(each)));
        }, 0);
        expect(worst, `${name}\n${printGraph(graph)}`).toBeLessThan(1e-5);
      }
    });
  }
}

/** The environment with tokens that are in any vocabulary. */
function validTokens(environment: Environment): Environment {
  const chosen = environment.inputs.get("chosen");
  if (chosen === undefined) return environment;
  const data = Float64Array.from(chosen.data, (x) => Math.abs(x) % 2);
  return {
    ...environment,
    inputs: new Map([...environment.inputs, ["chosen", { ...chosen, data }]]),
  };
}
