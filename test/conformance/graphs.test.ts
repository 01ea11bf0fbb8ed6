/** Every backend computes what graphs mean: random graphs, and decoders with many masks and layouts. */

import { expect, test } from "vitest";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { printGraph } from "../../compiler/graph/print.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { testedBackends, type TestedBackend } from "../support/backends.ts";
import { seeds } from "../support/random.ts";
import { randomEnvironment, randomGraph } from "../support/random-graph.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance, tiesOf } from "../support/tolerance.ts";
import { composite, imageBothWays, masks, sliding, toyMllm } from "../support/toy-mllm.ts";
import { toyEnvironment } from "../support/toy-prompt.ts";

const cases = { causal: masks.causal, composite, imageBothWays, sliding: sliding(4) };
const layouts = ["ttitt", "t", "iittt", "tit"];

for (const backend of await testedBackends()) {
  const run = test.skipIf(backend.missing !== undefined);
  for (const seed of seeds(40).filter(backend.takes)) {
    run(`${backend.name}: random graph ${seed}`, async () => {
      const graph = randomGraph(seed, { nodes: 12 });
      await compare(backend, graph, validTokens(randomEnvironment(graph, seed)));
    });
  }
  for (const [name, mask] of Object.entries(cases)) {
    for (const layout of layouts) {
      run(`${backend.name}: ${name}, prompt ${layout}`, async () => {
        const graph = toyMllm({ layers: [{ mask }, { mask }], generates: false });
        await compare(backend, graph, toyEnvironment(graph, { layout, seed: 1 }));
      });
    }
  }
}

async function compare(
  tested: TestedBackend,
  graph: Graph,
  environment: Environment,
): Promise<void> {
  const planned = planGraph(graph, tested.target);
  for (const kernel of planned.kernels) verifyKernel(kernel);
  const backend = await tested.open(planned.kernels);
  const code = tested.code(planned.kernels);
  const actual = await runPlanned(graph, planned, backend, code, environment);
  const expected = graphTolerance(graph, environment, tested.errors);
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  if (tiesOf(graph, environment, tested.errors).length > 0) return;
  for (const [name, each] of expected) {
    const found = actual.get(name);
    expect(found, name).toBeDefined();
    if (found !== undefined) expectWithin(found, each, `${name}\n${printGraph(graph)}`);
  }
}

/** The environment with tokens that are in any vocabulary. */
function validTokens(environment: Environment): Environment {
  const chosen = environment.inputs.get("chosen");
  if (chosen === undefined) return environment;
  const data = Float64Array.from(chosen.data, (x) => Math.abs(x) % 2);
  const inputs = new Map([...environment.inputs, ["chosen", { ...chosen, data }] as const]);
  return { ...environment, inputs };
}
