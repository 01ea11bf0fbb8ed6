/**
 * Predicates in negation normal form: `and` and `or` over literals. A literal says that a linear
 * term lies in a set of integers, that a row's segment is one of some names (or none of them), or
 * that a row is given (or new). Negation is therefore exact and only touches literals.
 */

import { unreachable } from "../../grammar/invariant.ts";
import { complement, type IntegerSet, showSet } from "./integer-set.ts";
import type { Linear } from "./linear.ts";

/** One fact about a query row, a key row or both. */
export type Literal =
  /** `form`, whose constant is 0, lies in `set`; `key` is the form's. */
  | {
      readonly kind: "within";
      readonly form: Linear;
      readonly key: string;
      readonly set: IntegerSet;
    }
  /** The row's segment is among `names` (sorted), or not, if `inside` is false. */
  | {
      readonly kind: "segment";
      readonly side: "q" | "k";
      readonly names: readonly string[];
      readonly inside: boolean;
    }
  | { readonly kind: "given"; readonly side: "q" | "k"; readonly given: boolean };

/** Literals joined by connectives. */
export type Formula =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "literal"; readonly literal: Literal }
  | { readonly kind: "and" | "or"; readonly operands: readonly Formula[] };

/** The formula that always holds. */
export const holds: Formula = { kind: "constant", value: true };
/** The formula that never holds. */
export const fails: Formula = { kind: "constant", value: false };

/** The formula of one literal. */
export function literalFormula(literal: Literal): Formula {
  return { kind: "literal", literal };
}

/** All of `operands`, with nested conjunctions flattened; nothing more is simplified. */
export function conjunction(operands: readonly Formula[]): Formula {
  return joined("and", operands);
}

/** Any of `operands`, with nested disjunctions flattened; nothing more is simplified. */
export function disjunction(operands: readonly Formula[]): Formula {
  return joined("or", operands);
}

/** The formula that holds exactly where `formula` does not. */
export function negation(formula: Formula): Formula {
  switch (formula.kind) {
    case "constant":
      return formula.value ? fails : holds;
    case "literal":
      return literalFormula(oppositeLiteral(formula.literal));
    case "and":
      return disjunction(formula.operands.map(negation));
    case "or":
      return conjunction(formula.operands.map(negation));
    default:
      return unreachable(formula);
  }
}

/** What the literal is about: two literals about the same thing merge into one. */
export function subjectOf(literal: Literal): string {
  return literal.kind === "within" ? literal.key : `${literal.side} ${literal.kind}`;
}

/** `formula` as text for comparing: equal formulas have equal keys. */
export function formulaKey(formula: Formula): string {
  switch (formula.kind) {
    case "constant":
      return String(formula.value);
    case "literal":
      return literalKey(formula.literal);
    case "and":
    case "or":
      return `${formula.kind}(${formula.operands.map(formulaKey).join(", ")})`;
    default:
      return unreachable(formula);
  }
}

/** `operands` without repetition, in an order that does not depend on how they were written. */
export function sortedFormulas(operands: readonly Formula[]): readonly Formula[] {
  const byKey = new Map(operands.map((each) => [`${rank(each)}${formulaKey(each)}`, each]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

function oppositeLiteral(literal: Literal): Literal {
  switch (literal.kind) {
    case "within":
      return { ...literal, set: complement(literal.set) };
    case "segment":
      return { ...literal, inside: !literal.inside };
    case "given":
      return { ...literal, given: !literal.given };
    default:
      return unreachable(literal);
  }
}

function literalKey(literal: Literal): string {
  switch (literal.kind) {
    case "within":
      return `${literal.key} in ${showSet(literal.set)}`;
    case "segment":
      return `${literal.side} ${literal.inside ? "in" : "not in"} {${literal.names.join(", ")}}`;
    case "given":
      return `${literal.side} ${literal.given ? "given" : "new"}`;
    default:
      return unreachable(literal);
  }
}

/** Segments first, then given rows, then comparisons, then nested connectives. */
function rank(formula: Formula): number {
  if (formula.kind !== "literal") return 4;
  if (formula.literal.kind === "segment") return 0;
  if (formula.literal.kind === "given") return 1;
  return formula.literal.form.parts.length > 1 ? 3 : 2;
}

function joined(kind: "and" | "or", operands: readonly Formula[]): Formula {
  const neutral = kind === "and";
  const kept: Formula[] = [];
  for (const each of operands)
    if (each.kind === kind) kept.push(...each.operands);
    else if (each.kind !== "constant") kept.push(each);
    else if (each.value !== neutral) return each;
  const [only, more] = kept;
  if (only === undefined) return neutral ? holds : fails;
  return more === undefined ? only : { kind, operands: kept };
}
