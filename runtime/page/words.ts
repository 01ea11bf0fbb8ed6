/** Errors, times and amounts as people read them in a page. */

import { BraidError } from "braid/runtime";

/** A span of time: `0.4 ms`, `41 ms`, `1.2 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
}

/** An amount of data: `3.5 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The text as a sentence: a capital first, unless it begins with a file's name; a full stop last. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const capital = trimmed.replace(/^[a-z](?=[a-z]*[\s:,])/, (letter) => letter.toUpperCase());
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/**
 * What went wrong and what to do, as sentences. Hints of the runtime that speak of command lines
 * become what can be done here.
 */
export function explain(error: unknown): string {
  if (!(error instanceof BraidError)) {
    return sentence(error instanceof Error ? error.message : String(error));
  }
  const [message = ""] = error.message.split("\n");
  const hint = error.hint?.includes("--") === true ? "choose another device above" : error.hint;
  return hint === undefined ? sentence(message) : `${sentence(message)} ${sentence(hint)}`;
}
