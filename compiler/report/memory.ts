/** What a model takes of a device's memory, in bytes: numbers have four. */

import type { Plan, PlanPhase } from "../../runtime/contract.ts";
import type { Measure } from "./executed.ts";

/** How the runtime places the temporaries of a phase: their bytes in all. */
export type ArenaBytes = (phase: PlanPhase, measure: Measure) => number;

/** Bytes by what they are for. */
export interface MemoryUse {
  readonly weights: number;
  readonly constants: number;
  /** What static phases and a prompt leave: kept until their inputs change. */
  readonly values: number;
  /** What caches hold after the prompt, and what each further row adds. */
  readonly caches: number;
  readonly perRow: number;
  /** The temporaries of the phase that needs most; phases share them. */
  readonly arena: number;
}

/** The memory of a plan for some lengths; `longer` are the same with one more row in the caches. */
export function memoryUse(
  plan: Plan,
  measure: Measure,
  longer: Measure,
  arena: ArenaBytes,
): MemoryUse {
  const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 4);
  const states = (kind: "value" | "cache", by: Measure): number =>
    plan.states
      .filter((state) => state.kind === kind)
      .reduce((sum, { axes }) => sum + product(axes.map(({ size }) => by(size))), 0);
  const phases = plan.phases.filter(
    (phase) => phase.kind !== "forward" || plan.generation === undefined,
  );
  return {
    weights: plan.weights.reduce((sum, { shape }) => sum + product(shape), 0),
    constants: plan.constants.reduce((sum, { shape }) => sum + product(shape), 0),
    values: states("value", measure),
    caches: states("cache", measure),
    perRow: states("cache", longer) - states("cache", measure),
    arena: Math.max(0, ...phases.map((phase) => arena(phase, measure))),
  };
}
