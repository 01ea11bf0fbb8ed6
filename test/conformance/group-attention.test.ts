/** Attention that shares group memory, as devices with a GPU get it, against the graph's evaluator. */

import { expect, test } from "vitest";
import { targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { evaluateBackend } from "../support/evaluate-backend.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";
import { composite, imageBothWays, masks, sliding, toyMllm } from "../support/toy-mllm.ts";
import { toyEnvironment } from "../support/toy-prompt.ts";

const cases = { causal: masks.causal, composite, imageBothWays, sliding: sliding(4) };

for (const [name, mask] of Object.entries(cases)) {
  for (const layout of ["ttitt", "t"]) {
    test(`group memory: ${name}, prompt ${layout}`, async () => {
      const graph = toyMllm({ layers: [{ mask }, { mask }], generates: false });
      const environment = toyEnvironment(graph, { layout, seed: 1 });
      const planned = planGraph(graph, targets.gpu);
      for (const kernel of planned.kernels) verifyKernel(kernel);
      expect(planned.kernels.some((kernel) => kernel.arrays.length > 0)).toBe(true);
      const backend = evaluateBackend(planned.kernels, "gpu");
      const actual = await runPlanned(graph, planned, backend, {}, environment);
      for (const [output, wanted] of graphTolerance(graph, environment)) {
        const found = actual.get(output);
        expect(found, output).toBeDefined();
        if (found !== undefined) expectWithin(found, wanted, output);
      }
    });
  }
}
