/** What cached rows were computed for, beside the rows before them: images, not the text that grows. */

import type { Plan, PlanAxis, PlanPhase } from "./contract.ts";
import { BraidError } from "./errors.ts";
import { symbolsOf } from "./size.ts";
import { appends } from "./states.ts";

/** The names of the inputs and states that all cached rows depend on. */
export interface CacheBasis {
  readonly inputs: readonly string[];
  readonly states: readonly string[];
}

/** What the cached rows of `plan` depend on. */
export function cacheBasisOf(plan: Plan): CacheBasis {
  const growing = growingSymbols(plan);
  const phases = plan.phases.filter(appends);
  const read = new Set(phases.flatMap(({ inputs }) => inputs));
  const inputs = plan.inputs.filter(({ name, axes }) => read.has(name) && !mentions(axes, growing));
  const known = new Set(phases.flatMap(({ reads }) => reads));
  const states = plan.states.filter(
    ({ name, kind, axes }) => known.has(name) && kind === "value" && !mentions(axes, growing),
  );
  return { inputs: inputs.map(({ name }) => name), states: states.map(({ name }) => name) };
}

/** The symbols of the rows that each call appends to the caches. */
export function growingSymbols(plan: Plan): ReadonlySet<string> {
  const rows = plan.states.filter(({ kind }) => kind === "cache").map(({ axes }) => axes[0]?.size);
  const past = plan.symbols.filter(({ source }) => source.kind === "past").map(({ name }) => name);
  const symbols = rows.flatMap((size) => (size === undefined ? [] : [...symbolsOf(size)]));
  return new Set(symbols.filter((symbol) => !past.includes(symbol)));
}

/**
 * Throws `session/prompt` or `session/stale` where `phase` cannot append to the `past` rows that caches
 * hold; `current` says whether those were computed for the inputs given.
 */
export function checkCaches({ name, kind }: PlanPhase, past: number, current: boolean): void {
  if (kind === "prompt" && past > 0) {
    const message = `phase \`${name}\` begins a text, but ${past} rows are cached`;
    throw new BraidError("session/prompt", message, { hint: "call `reset()` first" });
  }
  if (current) return;
  const message = `the ${past} cached rows were computed for other inputs than are given`;
  throw new BraidError("session/stale", message, {
    hint: "call `reset()` and give the whole prompt again",
  });
}

function mentions(axes: readonly PlanAxis[], symbols: ReadonlySet<string>): boolean {
  return axes.some(({ size }) => [...symbolsOf(size)].some((symbol) => symbols.has(symbol)));
}
