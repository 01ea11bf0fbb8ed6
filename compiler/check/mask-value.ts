/** Masks and scores put together from others: their data lists are joined and facts renumbered. */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Score, Term } from "../op/predicate.ts";
import { type DataUse, isSameUse, type MaskValue, type RowFacts } from "./value.ts";

/** A predicate with every data fact renumbered by `at`. */
export function renumberPredicate(predicate: Predicate, at: (index: number) => number): Predicate {
  switch (predicate.kind) {
    case "constant":
    case "segment":
    case "given":
      return predicate;
    case "not":
      return { kind: "not", operand: renumberPredicate(predicate.operand, at) };
    case "and":
    case "or":
      return {
        kind: predicate.kind,
        operands: predicate.operands.map((operand) => renumberPredicate(operand, at)),
      };
    case "compare":
      return {
        ...predicate,
        left: renumberTerm(predicate.left, at),
        right: renumberTerm(predicate.right, at),
      };
    default:
      return unreachable(predicate);
  }
}

/** A term with every data fact renumbered by `at`. */
function renumberTerm(term: Term, at: (index: number) => number): Term {
  switch (term.kind) {
    case "number":
    case "position":
      return term;
    case "data":
      return { ...term, index: at(term.index) };
    case "absolute":
      return { kind: "absolute", operand: renumberTerm(term.operand, at) };
    case "table": {
      const places = term.at.map((each) => ({ ...each, at: renumberTerm(each.at, at) }));
      return { ...term, index: at(term.index), at: places };
    }
    case "binary":
      return { ...term, left: renumberTerm(term.left, at), right: renumberTerm(term.right, at) };
    default:
      return unreachable(term);
  }
}

/** A score with every data fact renumbered by `at`. */
export function renumberScore(score: Score, at: (index: number) => number): Score {
  switch (score.kind) {
    case "logit":
    case "number":
    case "position":
      return score;
    case "data":
      return { ...score, index: at(score.index) };
    case "lookup":
      return { ...score, index: at(score.index), at: renumberTerm(score.at, at) };
    case "unary":
      return { ...score, operand: renumberScore(score.operand, at) };
    case "binary":
      return {
        ...score,
        left: renumberScore(score.left, at),
        right: renumberScore(score.right, at),
      };
    case "where":
      return {
        kind: "where",
        condition: renumberPredicate(score.condition, at),
        then: renumberScore(score.then, at),
        otherwise: renumberScore(score.otherwise, at),
      };
    default:
      return unreachable(score);
  }
}

/** The data of `first` followed by what of `second` is new, and where each of `second` went. */
function joinData(
  first: readonly DataUse[],
  second: readonly DataUse[],
): { data: readonly DataUse[]; at: (index: number) => number } {
  const data = [...first];
  const places = second.map((use) => {
    const found = data.findIndex((each) => isSameUse(each, use));
    return found === -1 ? data.push(use) - 1 : found;
  });
  return { data, at: (index) => places[index] ?? index };
}

/** The facts of two masks or scores together. */
export function joinFacts(a: RowFacts, b: RowFacts): RowFacts & { at: (index: number) => number } {
  const { data, at } = joinData(a.data, b.data);
  const formals = [...new Set([...a.formals, ...b.formals])];
  const [atoms, leaves] = [
    [...a.atoms, ...b.atoms],
    [...a.leaves, ...b.leaves],
  ];
  return { data, atoms, leaves, formals, at };
}

/** `a and b`, `a or b`. */
export function combineMasks(operator: "and" | "or", a: MaskValue, b: MaskValue): MaskValue {
  const { at, ...facts } = joinFacts(a, b);
  const right = renumberPredicate(b.predicate, at);
  const operands = [a.predicate, right].flatMap((each) =>
    each.kind === operator ? each.operands : [each],
  );
  return { kind: "mask", predicate: { kind: operator, operands }, ...facts };
}

/** `not mask`. */
export function negateMask(mask: MaskValue): MaskValue {
  return { ...mask, predicate: { kind: "not", operand: mask.predicate } };
}
