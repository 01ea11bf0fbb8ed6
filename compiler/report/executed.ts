/** FLOPs as executed: what the steps of a plan do for given sizes, tile edges included. */

import type { DispatchVariant, PlanPhase, PlanStep, Size } from "../../runtime/contract.ts";
import { invariant, unreachable } from "../../grammar/invariant.ts";
import { combined } from "../plan/steps.ts";

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
      return sum + (isCalled(step, measure) ? 1 : 0);
    }, 0);
  return count(phase.steps);
}

/** Whether an attention of the phase is two calls: one for shares of its keys, one that combines them. */
export function splitsKeys(phase: PlanPhase, measure: Measure): boolean {
  const splits = (step: PlanStep): boolean =>
    step.kind === "repeat"
      ? step.steps.some(splits)
      : step.label.endsWith(combined) && isCalled(step, measure);
  return phase.steps.some(splits);
}

/** What has no groups is not called. */
function isCalled(step: PlanStep, measure: Measure): boolean {
  return step.kind === "dispatch" && measure(variantOf(step.variants, measure).groups) !== 0;
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
