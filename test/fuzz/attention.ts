/** Kernels of random attentions against the definition of attention, which looks at every pair. */

import { expect, test } from "vitest";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { show } from "../../compiler/mask/index.ts";
import { optimize } from "../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../compiler/optimize/split-phases.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import { random } from "../compiler/mask/random.ts";
import type { TestedBackend } from "../support/backends.ts";
import { randomAttention } from "../support/random-attention.ts";
import { onePhase, planGraph, planModel, runPlanned } from "../support/run-graph.ts";
import { runTiled, tiledSchedule } from "../support/run-tiled.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

/** The most rows of a sequence, and of a tile. */
const most = { rows: 70, tile: 32 };
const perTest = 25;

/** Declares tests of `count` random attentions on a backend, in the tiles of its schedules. */
export function testAttentions(backend: TestedBackend, count: number): void {
  const { name, missing, errors, takes } = backend;
  inTests(name, missing !== undefined, count, async (seed) => {
    if (!takes(seed)) return;
    await expectMeaning(seed, errors, async (graph, environment) => {
      const planned = (isWhole(seed) ? planGraph : planModel)(graph, backend.target);
      const opened = await backend.open(planned.kernels);
      return runPlanned(graph, planned, opened, backend.code(planned.kernels), environment);
    });
  });
}

/** Declares tests of `count` random attentions by the definition of kernels, in tiles of any size. */
export function testTiles(count: number): void {
  inTests("tiles", false, count, async (seed) => {
    await expectMeaning(seed, {}, async (graph, environment) => {
      const from = random(seed);
      const size = { queries: 1 + from.below(most.tile), keys: 1 + from.below(most.tile) };
      const schedule = tiledSchedule(from.pick(["cpu", "gpu", "software", "split"]), size);
      const split = isWhole(seed) ? onePhase(graph) : splitPhases(optimize(graph));
      const [phase] = split.phases;
      if (phase === undefined) throw new RangeError("a graph without a phase");
      return runTiled(phase, schedule, environment);
    });
  });
}

/** Whether the case runs without what its mask implies for whole segments. */
function isWhole(seed: number): boolean {
  return seed % 2 === 1;
}

function inTests(
  what: string,
  skipped: boolean,
  count: number,
  run: (seed: number) => Promise<void>,
): void {
  for (let first = 0; first < count; first += perTest) {
    const last = Math.min(count, first + perTest);
    const name = `${what}: random attentions ${first} to ${last - 1}`;
    test.skipIf(skipped)(name, { timeout: 600_000 }, async () => {
      for (let seed = first; seed < last; seed++) await run(seed);
    });
  }
}

async function expectMeaning(
  seed: number,
  errors: TestedBackend["errors"],
  run: (graph: Graph, environment: Environment) => Promise<ReadonlyMap<string, NamedTensor>>,
): Promise<void> {
  const { graph, environment, mask } = randomAttention(seed, most.rows);
  const expected = graphTolerance(graph, environment, errors).get("seen");
  const found = (await run(graph, environment)).get("seen");
  const what = `seed ${seed}: ${show(mask)}`;
  expect(found, what).toBeDefined();
  if (found !== undefined && expected !== undefined) expectWithin(found, expected, what);
}
