/** From formulas back to predicates, in the form in which a person would write them. */

import { unreachable } from "../../grammar/invariant.ts";
import { always, type Comparison, never, type Predicate, type Term } from "../op/predicate.ts";
import type { Formula, Literal } from "./formula.ts";
import { complement, type IntegerSet, type Interval, onlyMember } from "./integer-set.ts";
import { fromLinear, type Linear, numberTerm } from "./linear.ts";

/** `formula` as a predicate. */
export function toPredicate(formula: Formula): Predicate {
  switch (formula.kind) {
    case "constant":
      return formula.value ? always : never;
    case "literal":
      return literalPredicate(formula.literal);
    case "and":
    case "or":
      return connect(formula.kind, formula.operands.map(toPredicate));
    default:
      return unreachable(formula);
  }
}

function literalPredicate(literal: Literal): Predicate {
  switch (literal.kind) {
    case "within":
      return withinPredicate(literal.form, literal.set);
    case "segment": {
      const { side } = literal;
      const any = connect(
        "or",
        literal.names.map((segment) => ({ kind: "segment", side, segment })),
      );
      return literal.inside ? any : { kind: "not", operand: any };
    }
    case "given": {
      const given: Predicate = { kind: "given", side: literal.side };
      return literal.given ? given : { kind: "not", operand: given };
    }
    default:
      return unreachable(literal);
  }
}

function withinPredicate(form: Linear, set: IntegerSet): Predicate {
  const gaps = complement(set);
  if (gaps.every((gap) => gap.low === gap.high))
    return connect(
      "and",
      gaps.map((gap) => equality("!=", form, gap.low)),
    );
  return connect(
    "or",
    set.map((each) => intervalPredicate(form, each)),
  );
}

function intervalPredicate(form: Linear, interval: Interval): Predicate {
  const only = onlyMember([interval]);
  if (only !== undefined) return equality("==", form, only);
  const bounds: Predicate[] = [];
  if (interval.low > -Infinity) bounds.push(atLeast(form, interval.low));
  if (interval.high < Infinity) bounds.push(atMost(form, interval.high));
  return connect("and", bounds);
}

/** `form = plus - minus`, both with positive coefficients only. */
function sides(form: Linear): { readonly plus: Term; readonly minus: Term | undefined } {
  const minus = form.parts
    .filter((part) => part.coefficient < 0)
    .map((part) => ({ ...part, coefficient: -part.coefficient }));
  const plus = form.parts.filter((part) => part.coefficient > 0);
  return {
    plus: fromLinear({ constant: 0, parts: plus }),
    minus: minus.length === 0 ? undefined : fromLinear({ constant: 0, parts: minus }),
  };
}

function atLeast(form: Linear, low: number): Predicate {
  const { plus, minus } = sides(form);
  if (minus !== undefined && low === 0) return compare("<=", minus, plus);
  if (minus !== undefined && low === 1) return compare("<", minus, plus);
  return compare("<=", numberTerm(low), fromLinear(form));
}

function atMost(form: Linear, high: number): Predicate {
  const { plus, minus } = sides(form);
  if (minus !== undefined && high === 0) return compare("<=", plus, minus);
  if (minus !== undefined && high === -1) return compare("<", plus, minus);
  return compare("<", fromLinear(form), numberTerm(high + 1));
}

function equality(comparison: "==" | "!=", form: Linear, value: number): Predicate {
  const { plus, minus } = sides(form);
  if (minus === undefined || value !== 0)
    return compare(comparison, fromLinear(form), numberTerm(value));
  // Masks say `k == q`, but `document[q] == document[k]`.
  return form.parts[0]?.atom.kind === "data"
    ? compare(comparison, plus, minus)
    : compare(comparison, minus, plus);
}

function compare(comparison: Comparison, left: Term, right: Term): Predicate {
  return { kind: "compare", comparison, left, right };
}

function connect(kind: "and" | "or", operands: readonly Predicate[]): Predicate {
  const flat = operands.flatMap((each) => (each.kind === kind ? each.operands : [each]));
  const [only, more] = flat;
  if (only === undefined) return kind === "and" ? always : never;
  return more === undefined ? only : { kind, operands: flat };
}
