import { writeFileSync } from "node:fs";
import { test } from "vitest";
import { composite, masks, toyMllm } from "../../support/toy-mllm.ts";
import { toyTransformer } from "../../support/toy-transformer.ts";
import { planGraph } from "../../support/run-graph.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { makePlan } from "../../../compiler/plan/plan.ts";
import { planCode } from "../../../compiler/plan/emit/plan-code.ts";
import { tidy } from "../../../compiler/optimize/tidy.ts";
import type { Plan } from "../../../runtime/contract.ts";
const write = (name: string, plan: Plan) => {
  writeFileSync(`/tmp/plan-${name}.json`, JSON.stringify(plan, null, 1));
  let t = performance.now();
  const code = planCode(plan, []);
  console.log(name, performance.now() - t);
  writeFileSync(`/tmp/plan-${name}.ts`, code.plan.text); writeFileSync(`/tmp/plan-${name}-kernels.ts`, code.kernels.text);
};
test("dump", () => {
  for (const family of ["cpu", "gpu"] as const) {
    const { plan } = planGraph(toyTransformer({layers:5,hidden:8,heads:4,groups:2,head:4,feed:16,vocabulary:11}), family);
    write(`tt-${family}`, plan);
    for (const [name, mask] of [["composite", composite], ["causal", masks.causal]] as const) {
      const graph = optimize(toyMllm({ layers: Array.from({ length: 8 }, () => ({ mask })) }));
      const split = splitPhases(graph, tidy);
      const { plan } = makePlan(graph, split, family);
      write(`${name}-${family}`, plan);
    }
  }
});
