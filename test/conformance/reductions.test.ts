/** Reductions of long rows, which groups of a GPU share, at lengths that are no multiple of a group. */

import { expect, test } from "vitest";
import { throughMemory } from "../../compiler/kernel/passes/across.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { testedBackends } from "../support/backends.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

const [rows, length] = [3, 203];

for (const backend of await testedBackends()) {
  if (backend.target.family !== "gpu") continue;
  test.skipIf(backend.missing !== undefined)(`${backend.name}: groups share rows`, async () => {
    const draft = new Draft();
    draft.axis("R", "R");
    draft.axis("N", length);
    const x = draft.input("x", ["R", "N"]);
    for (const fn of ["sum", "mean", "max", "min", "argmax"] as const) {
      draft.output(fn, draft.reduce(fn, x, "N"));
    }
    const graph = draft.finish();
    const random = randomTensor(seeded(5), [rows, length], 1);
    // The largest value twice: the first one counts.
    const twice = new Set([length + 20, length + 150]);
    const data = Float32Array.from(random.data, (value, i) => (twice.has(i) ? 9 : value));
    const values = { ...random, data };
    const environment = {
      sizes: new Map([["R", rows]]),
      inputs: new Map([["x", values]]),
      weights: (name: string) => {
        throw new RangeError(`no weight ${name}`);
      },
    };
    const planned = planGraph(graph, targets.gpu);
    for (const kernel of planned.kernels) verifyKernel(kernel);
    expect(planned.kernels.every((each) => throughMemory(each).arrays.length > 0)).toBe(true);
    const device = await backend.open(planned.kernels);
    const code = backend.code(planned.kernels);
    const actual = await runPlanned(graph, planned, device, code, environment);
    for (const [name, expected] of graphTolerance(graph, environment)) {
      const found = actual.get(name);
      expect(found, name).toBeDefined();
      if (found !== undefined) expectWithin(found, expected, name);
    }
    expect(Array.from(actual.get("argmax")?.data ?? [])[1]).toBe(20);
  });
}
