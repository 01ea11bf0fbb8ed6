/** What is wrong with a user's file, as data: text is made of it once, in `errors.ts`. */

import type { Span } from "./source.ts";

/** A place and what is to be said about it; an empty note only underlines. */
export interface Label {
  readonly span: Span;
  readonly note: string;
}

export type Severity = "error" | "warning" | "note";

/**
 * One mistake, said once. `code` is `phase/name` and never changes meaning; `at` is the smallest
 * guilty text; `also` are the other sides (a declaration, the other operand); `hint` is something
 * to type.
 */
export interface Diagnostic {
  readonly severity: Severity;
  readonly code: string;
  readonly message: string;
  readonly at: Label;
  readonly also: readonly Label[];
  readonly hint?: string;
}

/** The facts of a diagnostic, before it has a severity and a code. */
export interface Facts {
  readonly message: string;
  readonly at: Label;
  readonly also?: readonly Label[];
  readonly hint?: string;
}

/** An error diagnostic from its facts. */
export function error(code: string, facts: Facts): Diagnostic {
  return { severity: "error", code, also: [], ...facts };
}

/** A warning diagnostic from its facts. */
export function warning(code: string, facts: Facts): Diagnostic {
  return { severity: "warning", code, also: [], ...facts };
}

/** The candidate nearest to `wanted` by edit distance, if it is near enough to be meant. */
export function nearest(wanted: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  // One letter is no misspelling of another.
  let bestDistance = wanted.length < 2 ? 1 : Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean …?` for the nearest candidate, else nothing. */
export function didYouMean(wanted: string, candidates: Iterable<string>): string | undefined {
  const best = nearest(wanted, candidates);
  return best === undefined ? undefined : `did you mean \`${best}\`?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
