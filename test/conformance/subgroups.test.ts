/**
 * Kernels whose invocations share numbers, by their definition: as a device without subgroups computes
 * them, and with subgroups of every size, against the graph's evaluator.
 */

import { expect, test } from "vitest";
import { subgroupsOf } from "../../compiler/kernel/passes/across.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { graphOf } from "../compiler/check/support.ts";
import { onSubgroups } from "../support/backends.ts";
import { comparePlan } from "../support/compare-plans.ts";
import { Draft } from "../support/draft.ts";
import { randomEnvironment, type Sizes } from "../support/random-environment.ts";
import { planGraph } from "../support/run-graph.ts";

/** The columns of a product whose rows are scaled by what they have as a whole, as an RMS norm does. */
function normed(): Graph {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("K", 128);
  draft.axis("N", 44);
  const x = draft.input("x", ["R", "K"]);
  const squares = draft.reduce("mean", draft.map("multiply", x, x), "K");
  const scale = draft.map("rsqrt", draft.map("add", squares, draft.constant(1e-5)));
  const y = draft.contract(x, draft.input("w", ["N", "K"]), "K");
  draft.output("y", draft.map("multiply", y, scale));
  return draft.finish();
}

function layerNorm(): Graph {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("N", 203);
  const x = draft.input("x", ["R", "N"]);
  const centred = draft.map("subtract", x, draft.reduce("mean", x, "N"));
  const variance = draft.reduce("mean", draft.map("multiply", centred, centred), "N");
  const scale = draft.map("rsqrt", draft.map("add", variance, draft.constant(1e-5)));
  draft.output("y", draft.map("multiply", centred, scale));
  draft.output("largest", draft.reduce("max", x, "N"));
  return draft.finish();
}

const attention: Graph = graphOf(`import { causal_lower_right, softcap } from "std/attention"
model Few[H = 6, G = 2, E = 16] {
  input q: [T, H, E]
  input k: [M, G, E]
  output some = attend(q, k, k over M; mask = causal_lower_right(M), rows = T, score = softcap(1.5))
}`);

interface Case {
  readonly graph: Graph;
  readonly sizes: readonly Sizes[];
  /** The kernels that share numbers. */
  readonly sharing: number;
}

const cases: Readonly<Record<string, Case>> = {
  "a product of one row, and of few": { graph: normed(), sizes: [{ R: 1 }, { R: 7 }], sharing: 2 },
  "a layer norm": { graph: layerNorm(), sizes: [{ R: 3 }], sharing: 2 },
  "an attention of few rows": {
    graph: attention,
    sizes: [
      { T: 1, M: 150 },
      { T: 3, M: 70 },
    ],
    sharing: 1,
  },
};

test.each(Object.entries(cases))("%s has kernels that share", (_, { graph, sharing }) => {
  const { kernels, plan } = planGraph(graph, targets.gpu);
  const ranges = kernels.map(subgroupsOf);
  expect(ranges.filter((each) => each !== undefined)).toHaveLength(sharing);
  expect(plan.kernels.map(({ subgroups }) => subgroups)).toEqual(ranges);
});

for (const size of [undefined, 4, 8, 16, 32, 64]) {
  const tested = onSubgroups(size);
  for (const [name, { graph, sizes }] of Object.entries(cases)) {
    test(`${tested.name}: ${name}`, async () => {
      const [first, ...rest] = sizes.map((each) => randomEnvironment(graph, each));
      expect(first).toBeDefined();
      if (first !== undefined) await comparePlan(tested, graph, [first, ...rest]);
    });
  }
}
