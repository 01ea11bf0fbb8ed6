/**
 * Attention of few query rows whose keys are split among groups, with a kernel that combines what they
 * found: on every backend that splits keys, against the graph's evaluator, and with the same bits at
 * each run.
 */

import { expect, test } from "vitest";
import type { Graph } from "../../compiler/graph/graph.ts";
import { cudaTarget } from "../../compiler/kernel/architectures.ts";
import { type Target, targets } from "../../compiler/kernel/target.ts";
import { graphOf } from "../compiler/check/support.ts";
import { splittingKeys, testedBackends } from "../support/backends.ts";
import { comparePlan } from "../support/compare-plans.ts";
import { randomEnvironment, type Sizes } from "../support/random-environment.ts";
import { planGraph } from "../support/run-graph.ts";

const plain: Graph = graphOf(`
model Split[H = 4, G = 2, E = 16, W = 24] {
  input q: [T, H, E]
  input first: [M, G, E]
  input second: [N, G, E]
  input values: [M, G, W]
  input more: [N, G, W]
  input sink: [H]
  input gate: [T, H, W]
  output seen = attend(q, first, values over M; rows = T, sink = sink) * gate
  sequence S = one: M, two: N
  keys = join S(one = first, two = second)
  both, both_sum = attend(q, keys, join S(one = values, two = more) over S; rows = T, log_sum_exp = true)
  output both
  output both_sum
}`);

const masked: Graph = graphOf(`import { causal_lower_right, softcap, window } from "std/attention"
mask shown(hidden: int[K])(q, k) = hidden[k] == 0
model Masked[H = 4, G = 2, E = 16] {
  input q: [T, H, E]
  input k: [M, G, E]
  input hidden: int[M]
  output some = attend(q, k, k over M; mask = shown(hidden), rows = T, score = softcap(1.5))
  output near = attend(q, k, k over M; mask = causal_lower_right(M) and window(9), rows = T)
  output added = attend(q, k, k over M; mask = shown(hidden), rows = T, normalize = sigmoid)
}`);

/** Around the keys that are split, and the rows that are few: 8, and 64 for warps. */
const lengths = [
  { T: 1, M: 250, N: 40 },
  { T: 1, M: 40, N: 1 },
  { T: 1, M: 41, N: 0 },
  { T: 8, M: 70, N: 7 },
  { T: 0, M: 50, N: 0 },
  { T: 2, M: 0, N: 0 },
];
const manyRows: Readonly<Record<string, Sizes>> = {
  gpu: { T: 9, M: 50, N: 3 },
  cuda: { T: 65, M: 50, N: 3 },
};

for (const backend of await testedBackends()) {
  const tested = splittingKeys(backend, 40);
  if (tested === undefined) continue;
  // Software devices take seconds to compile each.
  const graphs = tested.name.startsWith("webgpu") ? { plain } : { plain, masked };
  for (const [name, graph] of Object.entries(graphs)) {
    test.skipIf(tested.missing !== undefined)(`${tested.name}: ${name}`, async () => {
      const many = manyRows[tested.target.family];
      const environments = [...lengths, ...(many === undefined ? [] : [many])].map((sizes) => {
        // The last of many keys are hidden, so that some groups see none.
        const isHidden = (key: number): boolean => key % 3 === 0 || key > 60;
        const hidden = Array.from({ length: sizes["M"] ?? 0 }, (_, key) => (isHidden(key) ? 1 : 0));
        return randomEnvironment(graph, sizes, { hidden });
      });
      const [first, ...rest] = environments;
      if (first === undefined) throw new Error("no lengths");
      const [one, ...others] = await comparePlan(tested, graph, [first, ...rest, first]);
      expect(others.at(-1)).toEqual(one);
    });
  }
}

test("GPUs split long caches, CPUs and software devices none", () => {
  const combined = (target: Target, graph: Graph = masked): number =>
    planGraph(graph, target).kernels.filter(({ name }) => /_combine(_\d+)?$/.test(name)).length;
  for (const target of [targets.gpu, cudaTarget("sm_90", "f16")]) {
    expect(combined(target), target.name).toBe(3);
  }
  for (const target of [targets.cpu, targets.software]) {
    expect(combined(target), target.name).toBe(0);
  }
  const itself = graphOf(`
model Itself[H = 4, E = 16] {
  input q: [T, H, E]
  output o = attend(q, q[T as K], q[T as K] over K)
}`);
  expect(combined(targets.gpu, itself)).toBe(0);
  // One buffer more than the device binds.
  expect(combined({ ...targets.gpu, bindings: 3 })).toBe(0);
});
