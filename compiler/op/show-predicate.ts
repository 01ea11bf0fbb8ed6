/** Predicates, terms and scores as text, close to how the language writes them. */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Score, Side, Term } from "./predicate.ts";

/** What a data use is called, by its index in the attention's data. */
export type DataName = (index: number) => string;

const numbered: DataName = (index) => `data${index}`;

/** `predicate` as text, e.g. `k <= q and q in text`. Equal predicates give equal text. */
export function showPredicate(predicate: Predicate, name: DataName = numbered): string {
  return connective(predicate, 0, name);
}

/** `term` as text, e.g. `(q - k) % 3`. */
export function showTerm(term: Term, name: DataName = numbered): string {
  return arithmetic(term, 0, name);
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
      return showData(score.index, score.side, numbered);
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
function connective(predicate: Predicate, parent: number, name: DataName): string {
  switch (predicate.kind) {
    case "constant":
      return predicate.value ? "all" : "none";
    case "not":
      return `not ${connective(predicate.operand, 4, name)}`;
    case "and":
    case "or": {
      if (predicate.operands.length === 0) return predicate.kind === "and" ? "all" : "none";
      const own = predicate.kind === "or" ? 1 : 2;
      const text = predicate.operands
        .map((operand) => connective(operand, own + 1, name))
        .join(` ${predicate.kind} `);
      return parenthesised(text, own < parent);
    }
    case "compare": {
      const { left, right, comparison } = predicate;
      const text = `${showTerm(left, name)} ${comparison} ${showTerm(right, name)}`;
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

function arithmetic(term: Term, parent: number, name: DataName): string {
  switch (term.kind) {
    case "number":
      return `${term.value}`;
    case "position":
      return term.side;
    case "data":
      return showData(term.index, term.side, name);
    case "absolute":
      return `abs(${showTerm(term.operand, name)})`;
    case "table":
      return `${name(term.index)}[${term.at.map((each) => showTerm(each.at, name)).join(", ")}]`;
    case "binary": {
      const { operator, left, right } = term;
      if (operator === "min" || operator === "max")
        return `${operator}(${showTerm(left, name)}, ${showTerm(right, name)})`;
      const own = strength[operator];
      const text = `${arithmetic(left, own, name)} ${operator} ${arithmetic(right, own + 1, name)}`;
      return parenthesised(text, own < parent);
    }
    default:
      return unreachable(term);
  }
}

function showData(index: number, side: Side, name: DataName): string {
  return side === "none" ? name(index) : `${name(index)}[${side}]`;
}

function parenthesised(text: string, needed: boolean): string {
  return needed ? `(${text})` : text;
}
