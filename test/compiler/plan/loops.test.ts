/** Equal layers become loops, and buffers live as long as they are needed and no longer. */

import { expect, test } from "vitest";
import type { PlanStep } from "../../../runtime/contract.ts";
import { planGraph } from "../../support/run-graph.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { composite, masks, toyMllm } from "../../support/toy-mllm.ts";

function loopsOf(steps: readonly PlanStep[]): readonly string[] {
  return steps.flatMap((step) =>
    step.kind === "repeat" ? [`${step.count} × ${step.steps.length}`] : [],
  );
}

test("layers of one kind are one loop with a table for each weight", () => {
  const layers = Array.from({ length: 6 }, () => ({ mask: masks.causal }));
  const { plan } = planGraph(toyMllm({ layers, generates: false }), targets.gpu);
  const [phase] = plan.phases;
  expect(phase && loopsOf(phase.steps)).toEqual(["6 × 8"]);
  const loop = phase?.steps.find((step) => step.kind === "repeat");
  expect(loop?.kind === "repeat" && Object.keys(loop.tables)).toEqual(
    expect.arrayContaining(["q", "k", "v", "o", "gate", "up", "down"]),
  );
});

test("kernels do not grow with the number of layers", () => {
  const kernels = [3, 9].map((count) => {
    const layers = Array.from({ length: count }, () => ({ mask: composite }));
    return planGraph(toyMllm({ layers, generates: false }), targets.cpu).kernels.length;
  });
  expect(kernels[1]).toBe(kernels[0]);
});

test("layers of two kinds that alternate are one loop over the pair", () => {
  const layers = Array.from({ length: 8 }, (_, l) => ({
    mask: l % 2 === 0 ? masks.causal : composite,
  }));
  const { plan } = planGraph(toyMllm({ layers, generates: false }), targets.gpu);
  const [phase] = plan.phases;
  expect(phase && loopsOf(phase.steps)).toEqual(["4 × 16"]);
});

test("the same graph gives the same plan, byte for byte", () => {
  const make = (): string => {
    const layers = [{ mask: composite }, { mask: composite }];
    return JSON.stringify(planGraph(toyMllm({ layers, generates: false }), targets.gpu));
  };
  expect(make()).toBe(make());
});
