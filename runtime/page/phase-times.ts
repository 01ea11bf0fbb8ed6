/** What the phases of an answer took, as a row of small labels under the answer. */

import type { PhaseTiming } from "braid/runtime";
import { element } from "./element.ts";
import { duration } from "./words.ts";

/**
 * One label for each phase that runs before the words; then one for the prompt, which is the first
 * call of `extend` where there is no `prompt` phase, one for all tokens after the first, and the sum.
 */
export function phaseTimes(timings: readonly PhaseTiming[]): readonly HTMLElement[] {
  const [first, ...rest] = timings.filter(({ phase }) => isText(phase));
  const before = timings.filter(({ phase }) => !isText(phase));
  const labels = before.map(({ phase, ran, ms }) =>
    label(phase, ran ? duration(ms) : "reused", ran),
  );
  if (first !== undefined) labels.push(label("prompt", duration(first.ms), true));
  if (rest.length > 0) {
    const took = rest.reduce((sum, { ms }) => sum + ms, 0);
    const name = rest.length === 1 ? "1 token" : `${rest.length} tokens`;
    labels.push(label(name, duration(took), true));
  }
  const all = timings.reduce((sum, { ms }) => sum + ms, 0);
  return [...labels, element("span", "all", `${duration(all)} in all`)];
}

function isText(phase: string): boolean {
  return phase === "prompt" || phase === "extend";
}

function label(name: string, value: string, ran: boolean): HTMLElement {
  const made = element("span", "phase");
  made.dataset["phase"] = name;
  made.dataset["ran"] = String(ran);
  made.append(element("span", "name", name), element("span", "took", value));
  return made;
}
