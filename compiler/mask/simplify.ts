/**
 * Simplification of a mask under facts about its rows: what the facts decide becomes constant,
 * comparisons of one term merge, implied and contradictory parts disappear, negations end at atoms.
 * Sound for every pair of rows that the facts allow; equal results are equal data.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate } from "../op/predicate.ts";
import {
  assume,
  type Context,
  contextOf,
  decide,
  isContradictory,
  mergeLiterals,
  possibleValues,
} from "./context.ts";
import type { Facts } from "./facts.ts";
import {
  conjunction,
  disjunction,
  fails,
  type Formula,
  formulaKey,
  holds,
  type Literal,
  literalFormula,
  negation,
  sortedFormulas,
  subjectOf,
} from "./formula.ts";
import { toPredicate } from "./from-formula.ts";
import { complement, type IntegerSet, intersect, onlyMember, unionOf } from "./integer-set.ts";
import { toFormula } from "./literal.ts";

/** The simplest predicate known to agree with `predicate` on all rows that `facts` allow. */
export function simplify(predicate: Predicate, facts: Facts): Predicate {
  let current = toFormula(predicate);
  for (let round = 0; round < mostRounds; round++) {
    const simple = simplifyFormula(current, facts);
    // Merged comparisons, written as predicates, may be ones that mean something simpler.
    current = toFormula(toPredicate(simple));
    if (formulaKey(current) === formulaKey(simple)) break;
  }
  return toPredicate(current);
}

/** `simplify` on formulas. */
export function simplifyFormula(formula: Formula, facts: Facts): Formula {
  const context = contextOf(facts);
  if (isContradictory(context)) return fails;
  let current = formula;
  // Merged and widened literals may decide more; each round only ever shortens the formula.
  for (let round = 0; round < mostRounds; round++) {
    const next = canonical(reduce(current, context), context);
    if (formulaKey(next) === formulaKey(current)) break;
    current = next;
  }
  return current;
}

const mostRounds = 4;

/** `formula` without what `context` decides. */
function reduce(formula: Formula, context: Context): Formula {
  switch (formula.kind) {
    case "constant":
      return formula;
    case "literal": {
      const decided = decide(context, formula.literal);
      if (decided === undefined) return formula;
      return decided ? holds : fails;
    }
    case "and":
      return reduceAll(formula.operands, context);
    case "or":
      return negation(reduceAll(formula.operands.map(negation), context));
    default:
      return unreachable(formula);
  }
}

/** The conjunction of `operands`, each reduced under the literals among the others. */
function reduceAll(operands: readonly Formula[], context: Context): Formula {
  let current = conjunction(operands);
  for (let round = 0; round < mostRounds && current.kind === "and"; round++) {
    const literals = mergedLiterals(current.operands);
    const kept = literals && withoutImplied(literals, context);
    if (literals === undefined || kept === undefined) return fails;
    const narrowed = assume(context, literals);
    if (isContradictory(narrowed)) return fails;
    const nested = current.operands
      .filter((operand) => operand.kind !== "literal")
      .map((operand) => reduce(operand, narrowed));
    const next = conjunction([...kept.map(literalFormula), ...resolved(absorbed(nested))]);
    if (formulaKey(next) === formulaKey(current)) return next;
    current = next;
  }
  return current.kind === "and" ? current : reduce(current, context);
}

/** The literals among `operands`, one for each subject; `undefined` if two contradict. */
function mergedLiterals(operands: readonly Formula[]): readonly Literal[] | undefined {
  const bySubject = new Map<string, Literal>();
  for (const operand of operands) {
    if (operand.kind !== "literal") continue;
    const subject = subjectOf(operand.literal);
    const before = bySubject.get(subject);
    const merged = before === undefined ? operand.literal : mergeLiterals(before, operand.literal);
    if (merged === undefined) return undefined;
    bySubject.set(subject, merged);
  }
  return [...bySubject.values()];
}

/** `literals` without those that the rest implies; `undefined` if the rest refutes one. */
function withoutImplied(
  literals: readonly Literal[],
  context: Context,
): readonly Literal[] | undefined {
  const order = sortedFormulas(literals.map(literalFormula));
  let kept = order.flatMap((each) => (each.kind === "literal" ? [each.literal] : []));
  // Longer terms first: a bound on `q - k` that bounds on `q` and `k` imply is the one to drop.
  for (const literal of kept.toReversed()) {
    const others = kept.filter((each) => each !== literal);
    const decided = decide(assume(context, others), literal);
    if (decided === false) return undefined;
    if (decided === true) kept = others;
  }
  return kept;
}

/** `operands` of a conjunction without any disjunction that a shorter one among them implies. */
function absorbed(operands: readonly Formula[]): readonly Formula[] {
  const keysOf = (formula: Formula): ReadonlySet<string> =>
    new Set((formula.kind === "or" ? formula.operands : [formula]).map(formulaKey));
  const keys = operands.map(keysOf);
  return operands.filter((_, index) => {
    const own = keys[index] ?? new Set();
    return !keys.some(
      (other, at) =>
        at !== index &&
        [...other].every((key) => own.has(key)) &&
        (other.size < own.size || at < index),
    );
  });
}

/** `operands` of a conjunction, where `(x or a) and (x or b)`, with literals of one subject, is one. */
function resolved(operands: readonly Formula[]): readonly Formula[] {
  for (const [index, left] of operands.entries())
    for (const [other, right] of operands.entries()) {
      const both = other > index ? resolvent(left, right) : undefined;
      if (both === undefined) continue;
      const rest = operands.filter((_, at) => at !== index && at !== other);
      return resolved([...rest, both]);
    }
  return operands;
}

/** `x or (a and b)`, if that is what `left and right` are. */
function resolvent(left: Formula, right: Formula): Formula | undefined {
  if (left.kind !== "or" || right.kind !== "or") return undefined;
  const lacking = (from: readonly Formula[], keys: ReadonlySet<string>): readonly Formula[] =>
    from.filter((each) => !keys.has(formulaKey(each)));
  const keys = new Set(left.operands.map(formulaKey));
  const [a, moreLeft] = lacking(left.operands, new Set(right.operands.map(formulaKey)));
  const [b, moreRight] = lacking(right.operands, keys);
  if (a?.kind !== "literal" || b?.kind !== "literal") return undefined;
  if (moreLeft !== undefined || moreRight !== undefined) return undefined;
  if (subjectOf(a.literal) !== subjectOf(b.literal)) return undefined;
  const merged = mergeLiterals(a.literal, b.literal);
  const shared = left.operands.filter((each) => each !== a);
  return disjunction(merged === undefined ? shared : [...shared, literalFormula(merged)]);
}

/** `formula` sorted, with every set widened by values that cannot occur. */
function canonical(formula: Formula, context: Context): Formula {
  switch (formula.kind) {
    case "constant":
      return formula;
    case "literal": {
      const { literal } = formula;
      if (literal.kind !== "within") return formula;
      const possible = possibleValues(context, literal.form, literal.key);
      return literalFormula({ ...literal, set: widened(literal.set, possible) });
    }
    case "and":
      return conjunction(sortedFormulas(formula.operands.map((each) => canonical(each, context))));
    case "or":
      return disjunction(sortedFormulas(formula.operands.map((each) => canonical(each, context))));
    default:
      return unreachable(formula);
  }
}

/** One set for all that agree on `possible`: a single value stays, others grow into the gaps. */
function widened(set: IntegerSet, possible: IntegerSet): IntegerSet {
  const real = intersect(set, possible);
  if (onlyMember(real) !== undefined) return real;
  const gaps = complement(possible).filter(
    (gap) => intersect(real, [{ low: gap.low - 1, high: gap.high + 1 }]).length > 0,
  );
  return unionOf([...real, ...gaps]);
}
