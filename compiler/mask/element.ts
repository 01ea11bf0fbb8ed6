/** The mask of one pair of rows as an expression: what a kernel evaluates inside a masked tile. */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Side, Term } from "../op/predicate.ts";
import type { Algebra } from "./algebra.ts";
import { type Folded, folding, integerOf, known, truthOf, unknown } from "./fold.ts";
import type { TablePlace } from "./interval.ts";

/** The facts about one query row and one key row, as expressions. */
export interface ElementValues<E> {
  position(side: "q" | "k"): E;
  /** Data use `index`, read at the row of `side`. */
  data(index: number, side: Side): E;
  /** Data use `index` at these places along axes of its own; 0 outside. */
  table(index: number, at: readonly TablePlace<E>[]): E;
  /** Whether the row lies in that segment; asked only if the mask still says so. */
  inSegment(side: "q" | "k", segment: string): E;
  /** Whether the row was there when generation started; asked only if the mask still says so. */
  given(side: "q" | "k"): E;
}

/** Whether the query row sees the key row: what `evaluatePredicate` computes, as an expression. */
export function element<E>(predicate: Predicate, algebra: Algebra<E>, values: ElementValues<E>): E {
  return truthOf(truth(predicate, folding(algebra), foldedValues(values, algebra)), algebra);
}

/** The integer that `term` is for one pair of rows: what `evaluateTerm` computes. */
export function elementTerm<E>(term: Term, algebra: Algebra<E>, values: ElementValues<E>): E {
  return integerOf(integer(term, folding(algebra), foldedValues(values, algebra)), algebra);
}

/** Facts that are asked for where places are folded. */
type FoldedValues<E> = Omit<ElementValues<E>, "table"> & {
  table(index: number, at: readonly TablePlace<Folded<E>>[]): E;
};

function foldedValues<E>(values: ElementValues<E>, algebra: Algebra<E>): FoldedValues<E> {
  const table: FoldedValues<E>["table"] = (index, at) =>
    values.table(
      index,
      at.map((each) => ({ axis: each.axis, at: integerOf(each.at, algebra) })),
    );
  return { ...values, table };
}

function truth<E>(
  predicate: Predicate,
  algebra: Algebra<Folded<E>>,
  values: FoldedValues<E>,
): Folded<E> {
  switch (predicate.kind) {
    case "constant":
      return algebra.truth(predicate.value);
    case "not":
      return algebra.not(truth(predicate.operand, algebra, values));
    case "and":
    case "or": {
      const operands = predicate.operands.map((operand) => truth(operand, algebra, values));
      return operands.reduce(algebra[predicate.kind], algebra.truth(predicate.kind === "and"));
    }
    case "compare": {
      const left = integer(predicate.left, algebra, values);
      const right = integer(predicate.right, algebra, values);
      switch (predicate.comparison) {
        case "<":
          return algebra.less(left, right);
        case "<=":
          return algebra.lessEqual(left, right);
        case "==":
          return algebra.equal(left, right);
        case "!=":
          return algebra.notEqual(left, right);
        default:
          return unreachable(predicate.comparison);
      }
    }
    case "segment":
      return unknown(values.inSegment(predicate.side, predicate.segment));
    case "given":
      return unknown(values.given(predicate.side));
    default:
      return unreachable(predicate);
  }
}

function integer<E>(term: Term, algebra: Algebra<Folded<E>>, values: FoldedValues<E>): Folded<E> {
  switch (term.kind) {
    case "number":
      return known(term.value);
    case "position":
      return unknown(values.position(term.side));
    case "data":
      return unknown(values.data(term.index, term.side));
    case "table": {
      const at = term.at.map((each) => ({
        axis: each.axis,
        at: integer(each.at, algebra, values),
      }));
      return unknown(values.table(term.index, at));
    }
    case "absolute": {
      const operand = integer(term.operand, algebra, values);
      return algebra.max(operand, algebra.subtract(known(0), operand));
    }
    case "binary": {
      const left = integer(term.left, algebra, values);
      const right = integer(term.right, algebra, values);
      switch (term.operator) {
        case "+":
          return algebra.add(left, right);
        case "-":
          return algebra.subtract(left, right);
        case "*":
          return algebra.multiply(left, right);
        case "/":
          return quotient(left, right, algebra);
        case "%":
          return remainder(left, right, algebra);
        case "min":
        case "max":
          return algebra[term.operator](left, right);
        default:
          return unreachable(term.operator);
      }
    }
    default:
      return unreachable(term);
  }
}

/** Both operands times the divisor's sign, and a divisor of 0 made 1: the algebra needs it positive. */
function positive<E>(
  left: Folded<E>,
  right: Folded<E>,
  algebra: Algebra<Folded<E>>,
): { readonly left: Folded<E>; readonly right: Folded<E>; readonly sign: Folded<E> } {
  const sign = algebra.select(algebra.less(right, known(0)), known(-1), known(1));
  return {
    left: algebra.multiply(sign, left),
    right: algebra.max(algebra.multiply(sign, right), known(1)),
    sign,
  };
}

function quotient<E>(left: Folded<E>, right: Folded<E>, algebra: Algebra<Folded<E>>): Folded<E> {
  const safe = positive(left, right, algebra);
  const rounded = algebra.floorDivide(safe.left, safe.right);
  return algebra.select(algebra.equal(right, known(0)), known(0), rounded);
}

function remainder<E>(left: Folded<E>, right: Folded<E>, algebra: Algebra<Folded<E>>): Folded<E> {
  // By 0 it is the remainder by 1, which is 0 as it should be.
  const safe = positive(left, right, algebra);
  return algebra.multiply(safe.sign, algebra.remainder(safe.left, safe.right));
}
