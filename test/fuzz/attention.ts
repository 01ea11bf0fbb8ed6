/** Kernels of random attentions against the definition of attention, which looks at every pair. */

import { expect, test } from "vitest";
import { show } from "../../compiler/mask/index.ts";
import type { TestedBackend } from "../support/backends.ts";
import { randomAttention } from "../support/random-attention.ts";
import { planGraph, planModel, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

/** The most rows of a sequence. */
const mostRows = 70;
const perTest = 25;

/** Declares tests of `count` random attentions on a backend. */
export function testAttentions(backend: TestedBackend, count: number): void {
  for (let first = 0; first < count; first += perTest) {
    const last = Math.min(count, first + perTest);
    const name = `${backend.name}: random attentions ${first} to ${last - 1}`;
    test.skipIf(backend.missing !== undefined)(name, { timeout: 600_000 }, async () => {
      for (let seed = first; seed < last; seed++) {
        if (backend.takes(seed)) await expectMeaning(backend, seed);
      }
    });
  }
}

async function expectMeaning(tested: TestedBackend, seed: number): Promise<void> {
  const { graph, environment, mask } = randomAttention(seed, mostRows);
  const expected = graphTolerance(graph, environment, tested.errors).get("seen");
  // With and without what the mask implies for whole segments.
  const planned = (seed % 2 === 0 ? planModel : planGraph)(graph, tested.target);
  const backend = await tested.open(planned.kernels);
  const code = tested.code(planned.kernels);
  const found = (await runPlanned(graph, planned, backend, code, environment)).get("seen");
  const what = `seed ${seed}: ${show(mask)}`;
  expect(found, what).toBeDefined();
  if (found !== undefined && expected !== undefined) expectWithin(found, expected, what);
}
