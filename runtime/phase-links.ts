/** What ties each phase to the rest of the plan, found once: steps of an answer ask for it often. */

import type { Plan, PlanInput, PlanPhase } from "./contract.ts";
import { invariant } from "./errors.ts";

/** What a phase needs before it can run. */
export interface PhaseLinks {
  /** The static phases whose values it reads, each once. */
  readonly makers: readonly PlanPhase[];
  /** Its inputs, in the order in which the plan declares them. */
  readonly inputs: readonly PlanInput[];
}

/** The links of every phase, by its name. */
export function linksOf(plan: Plan): ReadonlyMap<string, PhaseLinks> {
  const phases = new Map(plan.phases.map((phase) => [phase.name, phase]));
  const states = new Map(plan.states.map((state) => [state.name, state]));
  const makersOf = ({ reads }: PlanPhase): readonly PlanPhase[] => {
    const makers = reads.map((name) => phases.get(states.get(name)?.phase ?? ""));
    return [...new Set(makers)].filter(
      (each): each is PlanPhase => each !== undefined && each.kind === "static",
    );
  };
  return new Map(
    plan.phases.map((phase) => {
      const inputs = plan.inputs.filter(({ name }) => phase.inputs.includes(name));
      return [phase.name, { makers: makersOf(phase), inputs }];
    }),
  );
}

/** The links of `phase`. */
export function linkOf(links: ReadonlyMap<string, PhaseLinks>, phase: PlanPhase): PhaseLinks {
  const found = links.get(phase.name);
  invariant(found !== undefined, "a phase is one of its plan");
  return found;
}
