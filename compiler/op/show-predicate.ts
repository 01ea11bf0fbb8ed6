/** Predicates, terms and scores as text, close to how the language writes them. */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Score, Side, Term } from "./predicate.ts";

/** `predicate` as text, e.g. `k <= q and q in text`. Equal predicates give equal text. */
export function showPredicate(predicate: Predicate): string {
  return connective(predicate, 0);
}

/** `term` as text, e.g. `(q - k) % 3`. */
export function showTerm(term: Term): string {
  return arithmetic(term, 0);
}

/** `score` as text; `s` is the logit. */
export function showScore(score: Score): string {
  switch (score.kind) {
    case "logit":
      return "s";
    case "number":
      return `${score.value}`;
    case "position":
      return score.side;
    case "data":
      return showData(score.index, score.side);
    case "lookup":
      return `data${score.index}[${score.axis} = ${showTerm(score.at)}]`;
    case "unary":
      return `${score.operator}(${showScore(score.operand)})`;
    case "binary":
      return score.operator === "min" || score.operator === "max"
        ? `${score.operator}(${showScore(score.left)}, ${showScore(score.right)})`
        : `(${showScore(score.left)} ${score.operator} ${showScore(score.right)})`;
    case "where":
      return `where(${showPredicate(score.condition)}, ${showScore(score.then)}, ${showScore(score.otherwise)})`;
    default:
      return unreachable(score);
  }
}

/** Binding strengths: `or` 1, `and` 2, comparisons 3, `not` 4. */
function connective(predicate: Predicate, parent: number): string {
  switch (predicate.kind) {
    case "constant":
      return predicate.value ? "all" : "none";
    case "not":
      return `not ${connective(predicate.operand, 4)}`;
    case "and":
    case "or": {
      if (predicate.operands.length === 0) return predicate.kind === "and" ? "all" : "none";
      const own = predicate.kind === "or" ? 1 : 2;
      const text = predicate.operands
        .map((operand) => connective(operand, own + 1))
        .join(` ${predicate.kind} `);
      return parenthesised(text, own < parent);
    }
    case "compare": {
      const text = `${showTerm(predicate.left)} ${predicate.comparison} ${showTerm(predicate.right)}`;
      return parenthesised(text, parent > 3);
    }
    case "segment":
      return parenthesised(`${predicate.side} in ${predicate.segment}`, parent > 3);
    case "given":
      return parenthesised(`${predicate.side} in given`, parent > 3);
    default:
      return unreachable(predicate);
  }
}

const strength = { "+": 1, "-": 1, "*": 2, "/": 2, "%": 2, min: 3, max: 3 } as const;

function arithmetic(term: Term, parent: number): string {
  switch (term.kind) {
    case "number":
      return `${term.value}`;
    case "position":
      return term.side;
    case "data":
      return showData(term.index, term.side);
    case "absolute":
      return `abs(${showTerm(term.operand)})`;
    case "binary": {
      const { operator, left, right } = term;
      if (operator === "min" || operator === "max")
        return `${operator}(${showTerm(left)}, ${showTerm(right)})`;
      const own = strength[operator];
      const text = `${arithmetic(left, own)} ${operator} ${arithmetic(right, own + 1)}`;
      return parenthesised(text, own < parent);
    }
    default:
      return unreachable(term);
  }
}

function showData(index: number, side: Side): string {
  return side === "none" ? `data${index}` : `data${index}[${side}]`;
}

function parenthesised(text: string, needed: boolean): string {
  return needed ? `(${text})` : text;
}
