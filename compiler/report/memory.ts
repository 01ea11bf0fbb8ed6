/** What a model takes of a device's memory, in bytes. */

import type { ElementType, Plan, PlanPhase, PlanState } from "../../runtime/contract.ts";
import { elementBytes } from "./element-bytes.ts";
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
  /** The caches that forget, if there are any. */
  readonly rings?: RingUse;
  /** The temporaries of the phase that needs most; phases share them. */
  readonly arena: number;
}

/** Caches that hold the last rows only. */
export interface RingUse {
  readonly count: number;
  /** The rows that are read, and those that there is room for: the most of all rings. */
  readonly window: number;
  readonly slots: number;
  /** Their bytes when they are full, and what each further row would take if they forgot nothing. */
  readonly full: number;
  readonly savedPerRow: number;
}

/** The memory of a plan for some lengths; `longer` are the same with one more row in the caches. */
export function memoryUse(
  plan: Plan,
  measure: Measure,
  longer: Measure,
  arena: ArenaBytes,
): MemoryUse {
  const product = (sizes: readonly number[], element: ElementType = "f32"): number =>
    sizes.reduce((a, b) => a * b, elementBytes[element]);
  const bytes = ({ axes, ring, element }: PlanState, by: Measure): number => {
    const [rows = 1, ...rest] = axes.map(({ size }) => by(size));
    return product([Math.min(rows, ring?.slots ?? rows), ...rest], element);
  };
  const states = (kind: "value" | "cache", by: Measure): number =>
    plan.states
      .filter((state) => state.kind === kind)
      .reduce((sum, state) => sum + bytes(state, by), 0);
  const phases = plan.phases.filter(
    (phase) => phase.kind !== "forward" || plan.generation === undefined,
  );
  return {
    weights: plan.weights.reduce((sum, { shape, element }) => sum + product(shape, element), 0),
    constants: plan.constants.reduce((sum, { shape }) => sum + product(shape), 0),
    values: states("value", measure),
    caches: states("cache", measure),
    perRow: states("cache", longer) - states("cache", measure),
    ...ringUse(plan, measure),
    arena: Math.max(0, ...phases.map((phase) => arena(phase, measure))),
  };
}

function ringUse({ states }: Plan, measure: Measure): Pick<MemoryUse, "rings"> {
  const found = states.flatMap(({ ring, axes, element }) => {
    if (ring === undefined) return [];
    const row = axes
      .slice(1)
      .reduce((bytes, { size }) => bytes * measure(size), elementBytes[element]);
    return [{ ...ring, row }];
  });
  if (found.length === 0) return {};
  return {
    rings: {
      count: found.length,
      window: Math.max(...found.map(({ window }) => window)),
      slots: Math.max(...found.map(({ slots }) => slots)),
      full: found.reduce((sum, { slots, row }) => sum + slots * row, 0),
      savedPerRow: found.reduce((sum, { row }) => sum + row, 0),
    },
  };
}
