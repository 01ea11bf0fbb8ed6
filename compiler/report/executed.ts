/** FLOPs as executed: what the steps of a plan do for given sizes, tile edges included. */

import type { DispatchVariant, PlanPhase, PlanStep, Size } from "../../runtime/contract.ts";
import { invariant, unreachable } from "../../grammar/invariant.ts";

/** What a size of a plan is for given lengths. */
export type Measure = (size: Size) => number;

/** The operations of a phase's steps, every key tile of its attentions counted. */
export function plannedFlops(phase: PlanPhase, measure: Measure): number {
  return phase.steps.reduce((sum, step) => sum + stepFlops(step, measure), 0);
}

/** How many kernels a phase calls. */
export function dispatchCount(phase: PlanPhase, measure: Measure): number {
  const count = (steps: readonly PlanStep[]): number =>
    steps.reduce((sum, step) => {
      if (step.kind === "repeat") return sum + step.count * count(step.steps);
      // What has no groups is not called.
      const called = step.kind === "dispatch" && measure(variantOf(step.variants, measure).groups);
      return sum + (called === false || called === 0 ? 0 : 1);
    }, 0);
  return count(phase.steps);
}

function stepFlops(step: PlanStep, measure: Measure): number {
  switch (step.kind) {
    case "dispatch":
      return measure(variantOf(step.variants, measure).flops ?? step.flops);
    case "copy":
    case "measure":
      return 0;
    case "repeat":
      return step.count * step.steps.reduce((sum, each) => sum + stepFlops(each, measure), 0);
    default:
      return unreachable(step);
  }
}

/** The schedule that the runtime takes for these sizes. */
function variantOf(variants: readonly DispatchVariant[], measure: Measure): DispatchVariant {
  const chosen = variants.find(
    ({ when }) => when === undefined || measure(when.size) <= when.atMost,
  );
  invariant(chosen !== undefined, "a step has no variant for its sizes");
  return chosen;
}
