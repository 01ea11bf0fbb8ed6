/**
 * Which phases are current: a phase is while the versions of all that it depends on are those that it
 * was run for.
 */

import { type CacheBasis, cacheBasisOf } from "./cache-basis.ts";
import type { Plan, PlanPhase } from "./contract.ts";
import type { InputStore } from "./inputs.ts";
import type { StateStore } from "./states.ts";

/** The versions of one session's inputs and states, and what phases were run for. */
export class Versions {
  readonly #inputs: InputStore;
  readonly #states: StateStore;
  /** What cached rows depend on beside the rows before them. */
  readonly basis: CacheBasis;
  /** By phase: the versions that it was last run for. */
  readonly #current: Map<string, string> = new Map();

  constructor(plan: Plan, inputs: InputStore, states: StateStore) {
    this.#inputs = inputs;
    this.#states = states;
    this.basis = cacheBasisOf(plan);
  }

  /** Whether all that `phase` computes is there. */
  isCurrent(phase: PlanPhase): boolean {
    return this.#current.get(phase.name) === this.#of(phase);
  }

  /** Says that `phase` runs: what it computes is neither the old nor the new. */
  begin({ name }: PlanPhase): void {
    this.#current.delete(name);
  }

  /** Says that `phase` has run for what is given now. */
  end(phase: PlanPhase): void {
    this.#current.set(phase.name, this.#of(phase));
  }

  /** The versions of all that cached rows depend on beside the rows before them, as text. */
  get ofCaches(): string {
    const { inputs, states } = this.basis;
    const versions = inputs.map((name) => this.#inputs.version(name));
    return [...versions, ...states.map((name) => this.#states.version(name))].join();
  }

  /** The versions of all that `phase` depends on, as text. */
  #of(phase: PlanPhase): string {
    const inputs = phase.inputs.map((name) => this.#inputs.get(name, phase.name).version);
    const states = phase.reads.map((name) => this.#states.version(name) ?? "none");
    return `${inputs.join()};${states.join()}`;
  }
}
