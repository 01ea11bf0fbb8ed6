/**
 * Sizes that a model measures while it runs: rows that are dropped are dropped on every backend, for
 * any count from none to all, and kernels and memory are made once for the most that there can be.
 */

import { expect, test } from "vitest";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { evaluateGraph } from "../../compiler/graph/evaluate.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { testedBackends, type TestedBackend } from "../support/backends.ts";
import { droppingGraph } from "../support/dropping.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planModel, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

const graph = droppingGraph();

const ints = (data: readonly number[]): Tensor => ({ element: "int", shape: [data.length], data });

function environmentOf(keep: readonly number[]): Environment {
  const numbers = seeded(keep.length + 1);
  const range = (from: number, count: number): readonly number[] =>
    Array.from({ length: count }, (_, row) => from + row);
  const words = 3;
  return {
    sizes: new Map([
      ["V", keep.length],
      ["T", words],
    ]),
    inputs: new Map([
      ["rows", randomTensor(numbers, [keep.length, 2, 4], 1)],
      ["keep", ints(keep)],
      ["words", randomTensor(numbers, [words, 2, 4], 1)],
      ["position.visual", ints(range(0, keep.length))],
      ["position.text", ints(range(keep.length, words))],
    ]),
    weights: () => randomTensor(seeded(5), [2, 4, 6], 1),
  };
}

/** Some, all, none, of no rows at all. */
const prompts = [[1, 0, 0, 1, 1, 0, 1, 0, 1], [1, 1, 1], [0, 0, 0, 0], []];

test("the definition measures while it runs", () => {
  const { outputs, measured } = evaluateGraph(graph, environmentOf(prompts[0] ?? []));
  expect([...measured]).toEqual([
    ["Kept", 5],
    ["Half", 2],
  ]);
  expect(outputs.get("seen")?.shape).toEqual([5, 2, 4]);
  expect(outputs.get("half")?.shape).toEqual([2, 6]);
});

test("the plan reads each size back once, and says the most that it can be", () => {
  const { plan } = planModel(graph, targets.gpu);
  const steps = plan.phases.flatMap((phase) => phase.steps);
  const measures = steps.flatMap((step) =>
    step.kind === "measure" ? [[step.symbol, step.most]] : [],
  );
  expect(measures).toEqual([
    ["Kept", "V"],
    ["Half", "Kept"],
  ]);
  const sources = plan.symbols.filter(({ source }) => source.kind === "measured");
  expect(sources.map(({ name }) => name)).toEqual(["Kept", "Half"]);
});

async function compare(tested: TestedBackend): Promise<void> {
  const planned = planModel(graph, tested.target);
  for (const keep of prompts) {
    const environment = environmentOf(keep);
    const backend = await tested.open(planned.kernels);
    const code = tested.code(planned.kernels);
    const found = await runPlanned(graph, planned, backend, code, environment);
    for (const [name, each] of graphTolerance(graph, environment, tested.errors)) {
      const actual = found.get(name);
      expect(actual?.shape, name).toEqual(each.value.shape);
      if (actual !== undefined) expectWithin(actual, each, `${name} of ${keep}`);
    }
  }
}

for (const backend of await testedBackends()) {
  if (!backend.takes(0)) continue;
  test.skipIf(backend.missing !== undefined)(`${backend.name}: rows are dropped`, async () => {
    await compare(backend);
  });
}
