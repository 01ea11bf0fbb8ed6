/** What masks and scores mean: their value for one query row and one key row. */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Score, Side, Term } from "./predicate.ts";
import { floorDivide, floorRemainder } from "./special.ts";

/** A place along an axis. */
export type Place = readonly [axis: string, at: number];

/** All that a predicate or score may ask about a query row and a key row. */
export interface RowFacts {
  position(side: "q" | "k"): number;
  /** Argument `index` of the attention's data, read at the row of `side`. */
  data(index: number, side: Side): number;
  /** Argument `index`, read at those places along axes of its own; undefined outside. */
  lookup(index: number, at: readonly Place[]): number | undefined;
  inSegment(side: "q" | "k", segment: string): boolean;
  given(side: "q" | "k"): boolean;
}

/** Whether the query sees the key. */
export function evaluatePredicate(predicate: Predicate, facts: RowFacts): boolean {
  switch (predicate.kind) {
    case "constant":
      return predicate.value;
    case "not":
      return !evaluatePredicate(predicate.operand, facts);
    case "and":
      return predicate.operands.every((operand) => evaluatePredicate(operand, facts));
    case "or":
      return predicate.operands.some((operand) => evaluatePredicate(operand, facts));
    case "compare": {
      const left = evaluateTerm(predicate.left, facts);
      const right = evaluateTerm(predicate.right, facts);
      switch (predicate.comparison) {
        case "<":
          return left < right;
        case "<=":
          return left <= right;
        case "==":
          return left === right;
        case "!=":
          return left !== right;
        default:
          return unreachable(predicate.comparison);
      }
    }
    case "segment":
      return facts.inSegment(predicate.side, predicate.segment);
    case "given":
      return facts.given(predicate.side);
    default:
      return unreachable(predicate);
  }
}

/** The integer that `term` is; 32 bits suffice for positions and token data, so nothing wraps. */
export function evaluateTerm(term: Term, facts: RowFacts): number {
  switch (term.kind) {
    case "number":
      return term.value;
    case "position":
      return facts.position(term.side);
    case "data":
      return facts.data(term.index, term.side);
    case "absolute":
      return Math.abs(evaluateTerm(term.operand, facts));
    case "table": {
      const at = term.at.map((each): Place => [each.axis, evaluateTerm(each.at, facts)]);
      return facts.lookup(term.index, at) ?? 0;
    }
    case "binary": {
      const left = evaluateTerm(term.left, facts);
      const right = evaluateTerm(term.right, facts);
      switch (term.operator) {
        case "+":
          return left + right;
        case "-":
          return left - right;
        case "*":
          return left * right;
        case "/":
          return floorDivide(left, right);
        case "%":
          return floorRemainder(left, right);
        case "min":
          return Math.min(left, right);
        case "max":
          return Math.max(left, right);
        default:
          return unreachable(term.operator);
      }
    }
    default:
      return unreachable(term);
  }
}

/** The changed logit; `round` is applied to every step (the precision of the evaluation). */
export function evaluateScore(
  score: Score,
  logit: number,
  facts: RowFacts,
  round: (value: number) => number,
): number {
  const of = (each: Score): number => evaluateScore(each, logit, facts, round);
  switch (score.kind) {
    case "logit":
      return logit;
    case "number":
      return round(score.value);
    case "position":
      return facts.position(score.side);
    case "data":
      return facts.data(score.index, score.side);
    case "lookup": {
      const at = evaluateTerm(score.at, facts);
      const found = facts.lookup(score.index, [[score.axis, at]]);
      invariant(found !== undefined, `a score looks up row ${at} of ${score.axis}`);
      return found;
    }
    case "unary":
      return round(unary[score.operator](of(score.operand)));
    case "binary":
      return round(binary[score.operator](of(score.left), of(score.right)));
    case "where":
      return of(evaluatePredicate(score.condition, facts) ? score.then : score.otherwise);
    default:
      return unreachable(score);
  }
}

const unary = {
  negate: (x: number) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  tanh: Math.tanh,
  abs: Math.abs,
};

const binary = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b: number) => a - b,
  "*": (a: number, b: number) => a * b,
  "/": (a: number, b: number) => a / b,
  min: Math.min,
  max: Math.max,
};
