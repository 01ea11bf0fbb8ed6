/** Reductions of the same rows in one kernel, at lengths that are no multiple of anything. */

import { expect, test } from "vitest";
import { fuse } from "../../compiler/fusion/fuse.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { testedBackends } from "../support/backends.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

/** What a row of `x` becomes. */
const functions: Readonly<Record<string, (draft: Draft) => void>> = {
  "a layer norm": (draft) => {
    const x = draft.input("x", ["R", "N"]);
    const centred = draft.map("subtract", x, draft.reduce("mean", x, "N"));
    const variance = draft.reduce("mean", draft.map("multiply", centred, centred), "N");
    const scale = draft.map("rsqrt", draft.map("add", variance, draft.constant(1e-5)));
    draft.output("y", draft.map("multiply", centred, scale));
  },
  "a softmax": (draft) => {
    const x = draft.input("x", ["R", "N"]);
    const shifted = draft.map("subtract", x, draft.reduce("max", x, "N"));
    const e = draft.map("exp", shifted);
    draft.output("y", draft.map("divide", e, draft.reduce("sum", e, "N")));
  },
  "a range of computed numbers": (draft) => {
    const x = draft.map("abs", draft.map("sin", draft.input("x", ["R", "N"])));
    const least = draft.reduce("min", x, "N");
    const range = draft.map("subtract", draft.reduce("max", x, "N"), least);
    const above = draft.map("add", range, draft.constant(0.5));
    draft.output("y", draft.map("divide", draft.map("subtract", x, least), above));
  },
  "a number for each row": (draft) => {
    const x = draft.input("x", ["R", "N"]);
    const centred = draft.map("subtract", x, draft.reduce("mean", x, "N"));
    draft.output("y", draft.map("sqrt", draft.reduce("mean", draft.map("abs", centred), "N")));
  },
};

function graphOf(build: (draft: Draft) => void, length: number): Graph {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("N", length);
  build(draft);
  return draft.finish();
}

const rows = 5;

test.each(Object.keys(functions))("%s is one kernel", (name) => {
  const build = functions[name];
  if (build === undefined) throw new Error(name);
  const graph = graphOf(build, 203);
  const { regions } = fuse(graph, new Set(graph.outputs.map(({ value }) => value)));
  expect(regions.map(({ kind }) => kind)).toEqual(["rows"]);
});

test("what others read, too, stays a kernel of its own", () => {
  const draft = new Draft();
  draft.axis("R", "R");
  draft.axis("N", 64);
  const x = draft.input("x", ["R", "N"]);
  const mean = draft.reduce("mean", x, "N");
  draft.output("mean", mean);
  draft.output("y", draft.map("subtract", x, mean));
  const graph = draft.finish();
  const { regions } = fuse(graph, new Set(graph.outputs.map(({ value }) => value)));
  expect(regions.map(({ kind }) => kind).sort()).toEqual(["map", "reduce"]);
});

for (const backend of await testedBackends()) {
  const run = test.skipIf(backend.missing !== undefined);
  for (const [index, [name, build]] of Object.entries(functions).entries()) {
    for (const length of [3, 64, 203, 512].filter((_, seed) => backend.takes(seed + index))) {
      run(`${backend.name}: ${name} of ${length}`, async () => {
        const graph = graphOf(build, length);
        const x = randomTensor(seeded(length), [rows, length], 2);
        const environment = {
          sizes: new Map([["R", rows]]),
          inputs: new Map([["x", x]]),
          weights: (weight: string) => {
            throw new RangeError(`no weight ${weight}`);
          },
        };
        const planned = planGraph(graph, backend.target);
        for (const kernel of planned.kernels) verifyKernel(kernel);
        const device = await backend.open(planned.kernels);
        const code = backend.code(planned.kernels);
        const actual = await runPlanned(graph, planned, device, code, environment);
        for (const [output, expected] of graphTolerance(graph, environment, backend.errors)) {
          const found = actual.get(output);
          expect(found, output).toBeDefined();
          if (found !== undefined) expectWithin(found, expected, output);
        }
      });
    }
  }
}
