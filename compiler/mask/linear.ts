/**
 * Terms in normal form: a sum of atoms with integer coefficients and a constant. An atom is a
 * position, a data use, or an operation that is not linear, with its operands in normal form, so
 * that terms which are equal by linear arithmetic have equal forms.
 */

import { floorDivide, floorRemainder } from "../op/special.ts";
import type { Term, TermOperator } from "../op/predicate.ts";
import { showTerm } from "../op/show-predicate.ts";
import { unreachable } from "../../grammar/invariant.ts";

/** `coefficient * atom`, the coefficient not 0. */
export interface LinearPart {
  readonly atom: Term;
  /** The atom as text: equal atoms have equal keys. */
  readonly key: string;
  /** The operands of an atom that is an operation, in normal form. */
  readonly operands: readonly Linear[];
  readonly coefficient: number;
}

/** `constant` plus the sum of `parts`, which are sorted and have distinct atoms. */
export interface Linear {
  readonly constant: number;
  readonly parts: readonly LinearPart[];
}

/** `q` as an atom. */
export const queryPosition: Term = { kind: "position", side: "q" };
/** `k` as an atom. */
export const keyPosition: Term = { kind: "position", side: "k" };

/** The term `value`. */
export function numberTerm(value: number): Term {
  return { kind: "number", value };
}

/** The term `left operator right`. */
export function binaryTerm(operator: TermOperator, left: Term, right: Term): Term {
  return { kind: "binary", operator, left, right };
}

/** The sum of `forms`, each times its factor. */
export function combine(forms: readonly (readonly [Linear, number])[]): Linear {
  const sums = new Map<string, LinearPart>();
  let constant = 0;
  for (const [form, factor] of forms) {
    constant += form.constant * factor;
    for (const part of form.parts) {
      const { atom, key, operands } = part;
      const coefficient = (sums.get(key)?.coefficient ?? 0) + part.coefficient * factor;
      sums.set(key, { atom, key, operands, coefficient });
    }
  }
  const parts = [...sums.values()].filter((part) => part.coefficient !== 0).sort(compareParts);
  return { constant: constant + 0, parts };
}

/** `form * factor`. */
export function scale(form: Linear, factor: number): Linear {
  return combine([[form, factor]]);
}

/** The parts as text; forms that differ in the constant only have equal keys. */
export function linearKey(form: Linear): string {
  return form.parts.map((part) => `${part.coefficient}*${part.key}`).join(" + ");
}

/** The greatest divisor of all coefficients; 0 if there are none. */
export function commonDivisor(form: Linear): number {
  return form.parts.reduce((divisor, part) => gcd(divisor, Math.abs(part.coefficient)), 0);
}

/** `term` in normal form. Division and remainder by 0 are 0, as in its evaluation. */
export function toLinear(term: Term): Linear {
  switch (term.kind) {
    case "number":
      return { constant: term.value, parts: [] };
    case "position":
    case "data":
      return ofAtom(term);
    case "absolute":
      return absolute(toLinear(term.operand));
    case "table": {
      const operands = term.at.map(({ at }) => toLinear(at));
      const at = term.at.map((each, i) => ({
        ...each,
        at: fromLinear(operands[i] ?? combine([])),
      }));
      return ofAtom({ ...term, at }, operands);
    }
    case "binary": {
      const left = toLinear(term.left);
      const right = toLinear(term.right);
      switch (term.operator) {
        case "+":
          return combine([
            [left, 1],
            [right, 1],
          ]);
        case "-":
          return combine([
            [left, 1],
            [right, -1],
          ]);
        case "*":
          return product(left, right);
        case "/":
          return quotient(left, right);
        case "%":
          return remainder(left, right);
        case "min":
        case "max":
          return extreme(term.operator, left, right);
        default:
          return unreachable(term.operator);
      }
    }
    default:
      return unreachable(term);
  }
}

/** `form` as a term, positive parts first: `q - k + 3`. */
export function fromLinear(form: Linear): Term {
  const positive = form.parts.filter((part) => part.coefficient > 0);
  const negative = form.parts.filter((part) => part.coefficient < 0);
  let sum: Term | undefined;
  for (const part of positive) {
    const each = timesAtom(part, part.coefficient);
    sum = sum === undefined ? each : binaryTerm("+", sum, each);
  }
  if (sum === undefined) sum = numberTerm(form.constant);
  else if (form.constant > 0) sum = binaryTerm("+", sum, numberTerm(form.constant));
  for (const part of negative) sum = binaryTerm("-", sum, timesAtom(part, -part.coefficient));
  if (positive.length > 0 && form.constant < 0)
    sum = binaryTerm("-", sum, numberTerm(-form.constant));
  return sum;
}

/** A quotient or remainder by a positive constant. */
export interface ByConstant {
  readonly operand: Linear;
  readonly divisor: number;
}

/** The atom of `part`, if it divides by a constant with `operator`. */
export function byConstant(part: LinearPart, operator: "/" | "%"): ByConstant | undefined {
  const { atom } = part;
  const [operand] = part.operands;
  if (atom.kind !== "binary" || atom.operator !== operator) return undefined;
  // In normal form a constant divisor is positive.
  if (atom.right.kind !== "number" || operand === undefined) return undefined;
  return { operand, divisor: atom.right.value };
}

/** Whether the position of `side` occurs in `term`. */
export function readsPosition(term: Term, side: "q" | "k"): boolean {
  switch (term.kind) {
    case "number":
    case "data":
      return false;
    case "position":
      return term.side === side;
    case "absolute":
      return readsPosition(term.operand, side);
    case "table":
      return term.at.some((each) => readsPosition(each.at, side));
    case "binary":
      return readsPosition(term.left, side) || readsPosition(term.right, side);
    default:
      return unreachable(term);
  }
}

/** The form of one atom; `operands` are those of an operation, in normal form. */
export function ofAtom(atom: Term, operands: readonly Linear[] = []): Linear {
  return { constant: 0, parts: [{ atom, key: showTerm(atom), operands, coefficient: 1 }] };
}

/** The form of one operation as an atom. */
export function ofOperation(operator: TermOperator, left: Linear, right: Linear): Linear {
  return ofAtom(binaryTerm(operator, fromLinear(left), fromLinear(right)), [left, right]);
}

function absolute(form: Linear): Linear {
  if (form.parts.length === 0) return { constant: Math.abs(form.constant), parts: [] };
  const operand = (form.parts[0]?.coefficient ?? 0) < 0 ? scale(form, -1) : form;
  return ofAtom({ kind: "absolute", operand: fromLinear(operand) }, [operand]);
}

function product(left: Linear, right: Linear): Linear {
  if (left.parts.length === 0) return scale(right, left.constant);
  if (right.parts.length === 0) return scale(left, right.constant);
  return ofOperation("*", ...ordered(left, right));
}

function quotient(left: Linear, right: Linear): Linear {
  if (right.parts.length > 0) return ofOperation("/", left, right);
  const divisor = right.constant;
  if (divisor === 0) return combine([]);
  if (divisor < 0) return quotient(scale(left, -1), { constant: -divisor, parts: [] });
  // floor((n·M + R) / n) = M + floor(R / n), so only the part of each coefficient below n stays;
  // rounded to 0, lest `-k` become `3 * k - 4 * k`, whose interval is wider.
  const parts = left.parts.map((part) => {
    return { ...part, coefficient: Math.trunc(part.coefficient / divisor) };
  });
  const whole = combine([[{ constant: floorDivide(left.constant, divisor), parts }, 1]]);
  const rest = combine([
    [left, 1],
    [whole, -divisor],
  ]);
  if (rest.parts.length === 0) return whole;
  const atom = ofOperation("/", rest, right);
  return combine([
    [whole, 1],
    [atom, 1],
  ]);
}

function remainder(left: Linear, right: Linear): Linear {
  if (right.parts.length > 0) return ofOperation("%", left, right);
  const divisor = right.constant;
  if (divisor === 0) return combine([]);
  if (divisor < 0) return scale(remainder(scale(left, -1), { constant: -divisor, parts: [] }), -1);
  const parts = left.parts.filter((part) => floorRemainder(part.coefficient, divisor) !== 0);
  const rest = { constant: floorRemainder(left.constant, divisor), parts };
  if (parts.length === 0) return rest;
  return ofOperation("%", rest, right);
}

function extreme(operator: "min" | "max", left: Linear, right: Linear): Linear {
  const difference = combine([
    [left, 1],
    [right, -1],
  ]);
  if (difference.parts.length === 0)
    return (operator === "max") === difference.constant > 0 ? left : right;
  return ofOperation(operator, ...ordered(left, right));
}

/** Both in an order that does not depend on how they were written. */
function ordered(left: Linear, right: Linear): readonly [Linear, Linear] {
  const [a, b] = [showTerm(fromLinear(left)), showTerm(fromLinear(right))];
  return a <= b ? [left, right] : [right, left];
}

function timesAtom(part: LinearPart, factor: number): Term {
  return factor === 1 ? part.atom : binaryTerm("*", numberTerm(factor), part.atom);
}

/** `q` first, `k` next, then data, then the rest. */
function rank(atom: Term): number {
  if (atom.kind === "position") return atom.side === "q" ? 0 : 1;
  return atom.kind === "data" ? 2 : 3;
}

function compareParts(a: LinearPart, b: LinearPart): number {
  return rank(a.atom) - rank(b.atom) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}

/** The greatest common divisor of two integers that are not negative. */
export function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
