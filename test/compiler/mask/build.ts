/** Short ways to write masks in tests; what they build is plain data. */

import type { Comparison, Predicate, Term, TermOperator } from "../../../compiler/op/predicate.ts";

type Operand = Term | number;

/** The query's position. */
export const q: Term = { kind: "position", side: "q" };
/** The key's position. */
export const k: Term = { kind: "position", side: "k" };

/** Data use `index` at a row, or at no row. */
export function data(index: number, side: "q" | "k" | "none"): Term {
  return { kind: "data", index, side };
}

/** `left operator right`. */
export function term(left: Operand, operator: TermOperator, right: Operand): Term {
  return { kind: "binary", operator, left: operand(left), right: operand(right) };
}

/** The absolute value. */
export function abs(value: Term): Term {
  return { kind: "absolute", operand: value };
}

/** `left comparison right`. */
export function is(left: Operand, comparison: Comparison, right: Operand): Predicate {
  return { kind: "compare", comparison, left: operand(left), right: operand(right) };
}

/** All of `operands`. */
export function and(...operands: readonly Predicate[]): Predicate {
  return { kind: "and", operands };
}

/** Any of `operands`. */
export function or(...operands: readonly Predicate[]): Predicate {
  return { kind: "or", operands };
}

/** The opposite. */
export function not(inner: Predicate): Predicate {
  return { kind: "not", operand: inner };
}

/** `side in segment`. */
export function within(side: "q" | "k", segment: string): Predicate {
  return { kind: "segment", side, segment };
}

/** `side in given`. */
export function given(side: "q" | "k"): Predicate {
  return { kind: "given", side };
}

function operand(value: Operand): Term {
  return typeof value === "number" ? { kind: "number", value } : value;
}

/** `q - k`. */
export const distance: Term = term(q, "-", k);
/** A query sees what does not follow it. */
export const causal: Predicate = is(k, "<=", q);

/** The last `width` positions. */
export function window(width: number): Predicate {
  return and(causal, is(distance, "<", width));
}

/** Text is causal, a visual row sees itself. */
export const composite: Predicate = or(
  and(within("q", "text"), causal),
  and(within("q", "visual"), is(k, "==", q)),
);
