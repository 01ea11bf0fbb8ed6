/**
 * Integer and truth expressions in the abstract. What this folder derives from a mask is written
 * once over an algebra: with numbers it classifies tiles here, with kernel expressions it emits the
 * code that does so there.
 */

import { invariant } from "../../grammar/invariant.ts";

/** How to build expressions of type `E`, which stand for integers (i32) or truth values. */
export interface Algebra<E> {
  integer(value: number): E;
  truth(value: boolean): E;
  add(left: E, right: E): E;
  subtract(left: E, right: E): E;
  multiply(left: E, right: E): E;
  /** Rounded down. The divisor is always positive, the dividend may be negative. */
  floorDivide(left: E, right: E): E;
  /** `left - right * floorDivide(left, right)`. The divisor is always positive. */
  remainder(left: E, right: E): E;
  min(left: E, right: E): E;
  max(left: E, right: E): E;
  less(left: E, right: E): E;
  lessEqual(left: E, right: E): E;
  equal(left: E, right: E): E;
  notEqual(left: E, right: E): E;
  and(left: E, right: E): E;
  or(left: E, right: E): E;
  not(operand: E): E;
  /** Both branches may be evaluated: neither ever traps. */
  select(condition: E, then: E, otherwise: E): E;
}

/** Plain numbers; a truth value is 1 or 0. */
export const numbers: Algebra<number> = {
  integer: (value) => value,
  truth: (value) => Number(value),
  add: (left, right) => left + right,
  subtract: (left, right) => left - right,
  multiply: (left, right) => left * right,
  floorDivide: (left, right) => Math.floor(left / positive(right)),
  remainder: (left, right) => left - right * Math.floor(left / positive(right)),
  min: (left, right) => Math.min(left, right),
  max: (left, right) => Math.max(left, right),
  less: (left, right) => Number(left < right),
  lessEqual: (left, right) => Number(left <= right),
  equal: (left, right) => Number(left === right),
  notEqual: (left, right) => Number(left !== right),
  and: (left, right) => left * right,
  or: (left, right) => Math.max(left, right),
  not: (operand) => 1 - operand,
  select: (condition, then, otherwise) => (condition === 1 ? then : otherwise),
};

function positive(divisor: number): number {
  invariant(divisor > 0, "a mask is divided by a number that is not positive");
  return divisor;
}
