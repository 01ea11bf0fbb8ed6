/**
 * From predicates to formulas: comparisons become membership of a linear term in a set of integers,
 * with minima, maxima, absolute values and rounded quotients resolved wherever that is exact.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Comparison, Predicate } from "../op/predicate.ts";
import { floorRemainder } from "../op/special.ts";
import {
  conjunction,
  disjunction,
  fails,
  type Formula,
  holds,
  literalFormula,
  negation,
} from "./formula.ts";
import {
  between,
  complement,
  type IntegerSet,
  type Interval,
  intersect,
  isSubset,
  mapIntervals,
  negated,
  onlyMember,
  shift,
  union,
  unionOf,
} from "./integer-set.ts";
import {
  combine,
  byConstant,
  type ByConstant,
  commonDivisor,
  gcd,
  type Linear,
  type LinearPart,
  linearKey,
  ofOperation,
  scale,
  toLinear,
} from "./linear.ts";

/** `predicate` as a formula; nothing is known of its rows. */
export function toFormula(predicate: Predicate): Formula {
  switch (predicate.kind) {
    case "constant":
      return predicate.value ? holds : fails;
    case "not":
      return negation(toFormula(predicate.operand));
    case "and":
      return conjunction(predicate.operands.map(toFormula));
    case "or":
      return disjunction(predicate.operands.map(toFormula));
    case "compare": {
      const form = difference(toLinear(predicate.left), toLinear(predicate.right));
      return within(form, comparisonSet(predicate.comparison));
    }
    case "segment": {
      const { side, segment } = predicate;
      return literalFormula({ kind: "segment", side, names: [segment], inside: true });
    }
    case "given":
      return literalFormula({ kind: "given", side: predicate.side, given: true });
    default:
      return unreachable(predicate);
  }
}

/** The formula that `form` lies in `set`. */
export function within(form: Linear, set: IntegerSet): Formula {
  const divisor = commonDivisor(form);
  if (divisor === 0)
    return intersect(set, between(form.constant, form.constant)).length > 0 ? holds : fails;
  const sign = (form.parts[0]?.coefficient ?? 0) < 0 ? -1 : 1;
  const parts = form.parts.map((part) => {
    return { ...part, coefficient: (sign * part.coefficient) / divisor };
  });
  const divided = mapIntervals(shift(set, -form.constant), ({ low, high }) => ({
    low: Math.ceil(low / divisor),
    high: Math.floor(high / divisor),
  }));
  const target = sign < 0 ? negated(divided) : divided;
  if (target.length === 0) return fails;
  if (complement(target).length === 0) return holds;
  const primitive = { constant: 0, parts };
  return resolved(primitive, target) ?? literalWithin(primitive, target);
}

function literalWithin(form: Linear, set: IntegerSet): Formula {
  return literalFormula({ kind: "within", form, key: linearKey(form), set });
}

/** Terms that mean something simpler inside a comparison, resolved; `undefined` if there are none. */
function resolved(form: Linear, set: IntegerSet): Formula | undefined {
  return extremeResolved(form, set) ?? quotientResolved(form, set) ?? remainderResolved(form, set);
}

function comparisonSet(comparison: Comparison): IntegerSet {
  switch (comparison) {
    case "<":
      return between(-Infinity, -1);
    case "<=":
      return between(-Infinity, 0);
    case "==":
      return between(0, 0);
    case "!=":
      return complement(between(0, 0));
    default:
      return unreachable(comparison);
  }
}

/** Each extreme doubles its comparison; beyond so many intervals and parts it stays as it is. */
const mostIntervals = 2;
const mostExtremes = 3;

/** `min`, `max` and `abs`: against one bound, each is a conjunction or disjunction. */
function extremeResolved(form: Linear, set: IntegerSet): Formula | undefined {
  const extremes = form.parts.filter((part) => operandsOfMaximum(part) !== undefined);
  const [part] = extremes;
  if (part === undefined || set.length > mostIntervals || extremes.length > mostExtremes)
    return undefined;
  const maximum = operandsOfMaximum(part);
  if (maximum === undefined) return undefined;
  const rest = combine([
    [form, 1],
    [{ constant: 0, parts: [part] }, -1],
  ]);
  const factor = part.coefficient * maximum.sign;
  // rest + factor · max(a, b): bounded above by both if the factor is positive, else by either.
  const choices = maximum.operands.map((operand) =>
    combine([
      [rest, 1],
      [operand, factor],
    ]),
  );
  const bounded = (bound: IntegerSet, all: boolean): Formula => {
    const each = choices.map((choice) => within(choice, bound));
    return all ? conjunction(each) : disjunction(each);
  };
  return disjunction(
    set.map(({ low, high }) =>
      conjunction([
        bounded(between(-Infinity, high), factor > 0),
        bounded(between(low, Infinity), factor < 0),
      ]),
    ),
  );
}

/** The atom as `sign` times the maximum of two forms, if it is one. */
function operandsOfMaximum({
  atom,
  operands: [left, right],
}: LinearPart): { readonly sign: 1 | -1; readonly operands: readonly Linear[] } | undefined {
  if (left === undefined) return undefined;
  if (atom.kind === "absolute") return { sign: 1, operands: [left, scale(left, -1)] };
  if (atom.kind !== "binary" || right === undefined) return undefined;
  if (atom.operator === "max") return { sign: 1, operands: [left, right] };
  if (atom.operator === "min") return { sign: -1, operands: [scale(left, -1), scale(right, -1)] };
  return undefined;
}

/** `floor(m / n)` alone lies in an interval exactly if `m` lies in a longer one. */
function quotientResolved(form: Linear, set: IntegerSet): Formula | undefined {
  const [part, more] = form.parts;
  const quotient = more === undefined && part !== undefined ? byConstant(part, "/") : undefined;
  if (quotient === undefined) return undefined;
  const { operand, divisor } = quotient;
  const wider = mapIntervals(set, ({ low, high }) => ({
    low: low * divisor,
    high: high * divisor + divisor - 1,
  }));
  return within(operand, wider);
}

/** One remainder is brought to primitive form; two that are equal are one remainder. */
function remainderResolved(form: Linear, set: IntegerSet): Formula | undefined {
  const [left, right, more] = form.parts;
  const a = left && byConstant(left, "%");
  if (a === undefined) return undefined;
  if (right === undefined) return remainderWithin(a, set);
  const b = byConstant(right, "%");
  if (b === undefined || more !== undefined || a.divisor !== b.divisor) return undefined;
  if (left?.coefficient !== 1 || right.coefficient !== -1) return undefined;
  // Whether the two differ by 0 is whether their difference leaves the remainder 0.
  const equal = intersect(set, between(1 - a.divisor, a.divisor - 1));
  if (onlyMember(equal) === 0)
    return remainderWithin(
      { operand: difference(a.operand, b.operand), divisor: a.divisor },
      equal,
    );
  const different = complement(set);
  if (onlyMember(different) !== 0) return undefined;
  return remainderWithin({ operand: difference(a.operand, b.operand), divisor: a.divisor }, set);
}

/** The formula that `operand % divisor` lies in `set`: about a primitive form without a constant. */
function remainderWithin({ operand, divisor }: ByConstant, set: IntegerSet): Formula {
  const kept = intersect(set, between(0, divisor - 1));
  const common = gcd(commonDivisor(operand), divisor);
  const sign = (operand.parts[0]?.coefficient ?? 0) < 0 ? -1 : 1;
  const period = divisor / common;
  // sign · common · m + constant leaves a remainder in `kept`: solved for the remainder of m.
  const shifted = shift(kept, -operand.constant);
  const solved = mapIntervals(sign < 0 ? negated(shifted) : shifted, ({ low, high }) => ({
    low: Math.ceil(low / common),
    high: Math.floor(high / common),
  }));
  const residues = unionOf(solved.flatMap((each) => residuesOf(each, period)));
  if (residues.length === 0) return fails;
  if (isSubset(between(0, period - 1), residues)) return holds;
  const parts = operand.parts.map((part) => {
    return { ...part, coefficient: (sign * part.coefficient) / common };
  });
  const modulus = { constant: period, parts: [] };
  return literalWithin(ofOperation("%", { constant: 0, parts }, modulus), residues);
}

/** The remainders that the integers of an interval leave. */
function residuesOf({ low, high }: Interval, period: number): IntegerSet {
  if (high - low + 1 >= period) return between(0, period - 1);
  const first = floorRemainder(low, period);
  const last = first + (high - low);
  if (last < period) return between(first, last);
  return union(between(first, period - 1), between(0, last - period));
}

function difference(left: Linear, right: Linear): Linear {
  return combine([
    [left, 1],
    [right, -1],
  ]);
}
