/** Whole decoders through plans of evaluated kernels: attention, norms, products, rotary, grouped heads. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { evaluateBackend } from "../../support/evaluate-backend.ts";
import { planGraph, runPlanned } from "../../support/run-graph.ts";
import { composite, imageBothWays, masks, sliding, toyMllm } from "../../support/toy-mllm.ts";
import { toyEnvironment } from "../../support/toy-prompt.ts";

const cases = { causal: masks.causal, composite, imageBothWays, sliding: sliding(4) };
const layouts = ["ttitt", "t", "iittt", "tit"];

for (const family of ["cpu", "gpu"] as const) {
  for (const [name, mask] of Object.entries(cases)) {
    for (const layout of layouts) {
      test(`${family}, ${name}, prompt ${layout}`, async () => {
        const graph = toyMllm({ layers: [{ mask }, { mask }], generates: false });
        const environment = toyEnvironment(graph, { layout, seed: 1 });
        const planned = planGraph(graph, family);
        for (const kernel of planned.kernels) verifyKernel(kernel);
        const backend = evaluateBackend(planned.kernels, family);
        const actual = await runPlanned(graph, planned, backend, {}, environment);
        const wanted = evaluateGraph(graph, environment, { precision: "float64" }).outputs;
        for (const [output, value] of wanted) {
          const found = actual.get(output);
          expect(found?.shape).toEqual(value.shape);
          const worst = value.data.reduce(
            (most, each, i) => Math.max(most, Math.abs(each - (found?.data[i] ?? Number.NaN))),
            0,
          );
          expect(worst, output).toBeLessThan(1e-5);
        }
      });
    }
  }
}
