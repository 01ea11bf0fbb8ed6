/** When each temporary of a phase is in use, so that the runtime can let them share memory. */

import type { PlanBuffer } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import type { LoopedStep } from "./loops.ts";
import type { FlatStep, Temporary } from "./steps.ts";

/**
 * The buffers with the first and last step that they live in. Steps count in the order of the text, a
 * body once. What a round finds, rather than writes itself first, lives through the whole body, and
 * so does everything that a table names.
 */
export function lifetimes(
  steps: readonly LoopedStep[],
  temporaries: ReadonlyMap<string, Temporary>,
): readonly PlanBuffer[] {
  const spans = new Map<string, { first: number; last: number }>();
  const extend = (name: string, first: number, last: number): void => {
    const span = spans.get(name);
    if (span === undefined) spans.set(name, { first, last });
    else spans.set(name, { first: Math.min(span.first, first), last: Math.max(span.last, last) });
  };
  let next = 0;
  for (const each of steps) {
    if (each.kind === "step") {
      for (const buffer of each.step.buffers) {
        if (buffer.kind === "buffer") extend(buffer.name, next, next);
      }
      next++;
      continue;
    }
    const start = next;
    const end = start + each.steps.length - 1;
    const through = foundByRound(each.steps);
    for (const entries of Object.values(each.tables)) {
      for (const entry of entries) if (entry.kind === "buffer") through.add(entry.name);
    }
    for (const name of through) extend(name, start, end);
    for (const step of each.steps) {
      for (const buffer of step.buffers) {
        if (buffer.kind === "buffer") extend(buffer.name, next, next);
      }
      next++;
    }
  }
  return [...spans].map(([name, { first, last }]) => {
    const temporary = temporaries.get(name);
    invariant(temporary !== undefined, `plan: a size for ${name}`);
    return { ...temporary, name, first, last };
  });
}

/** The temporaries of a body that are read before the body writes them. */
function foundByRound(steps: readonly FlatStep[]): Set<string> {
  const written = new Set<string>();
  const found = new Set<string>();
  for (const step of steps) {
    for (const [slot, buffer] of step.buffers.entries()) {
      if (buffer.kind !== "buffer") continue;
      if (step.call.writes[slot] !== true && !written.has(buffer.name)) found.add(buffer.name);
    }
    for (const [slot, buffer] of step.buffers.entries()) {
      if (buffer.kind === "buffer" && step.call.writes[slot] === true) written.add(buffer.name);
    }
  }
  return found;
}
