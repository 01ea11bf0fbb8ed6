/** Arithmetic at compile time: sizes, loop variables, number parameters, and conditions on them. */

import type { BinaryOperator, Expr } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import {
  add,
  asConstant,
  ceilDivide,
  constant,
  type Dimension,
  divide,
  floorDivide,
  multiply,
  subtract,
} from "../op/dimension.ts";
import { compare, type Condition, known } from "./condition.ts";
import { type Body, demand, evaluate, fail, type Use } from "./context.ts";
import {
  describe,
  type NumberValue,
  realNumber,
  unknown,
  type Value,
  wholeNumber,
} from "./value.ts";

/** The whole number that `expr` is; reports and gives nothing if it is none. */
export function sizeOf(body: Body, expr: Expr): Dimension | undefined {
  const value = evaluate(body, expr);
  const size = asSize(value);
  if (size === undefined && value.kind !== "unknown") {
    fail(body, "type/number", {
      message: `a whole number known at compile time is wanted, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint: "write a number, a dim such as `D`, or an expression of them",
    });
  }
  return size;
}

/** The size that a value is, if it is a whole number. */
export function asSize(value: Value): Dimension | undefined {
  if (value.kind !== "number") return undefined;
  if (value.whole) return value.size;
  return value.value !== undefined && Number.isInteger(value.value)
    ? constant(value.value)
    : undefined;
}

/** The real number that a compile-time number is, if it is known yet. */
export function asReal(number: NumberValue): number | undefined {
  return number.whole ? asConstant(number.size) : number.value;
}

/** Whether a number is a size that changes from run to run: in real arithmetic it is a tensor. */
export function isMeasured(body: Body, value: Value): boolean {
  return (
    body.mode === "instance" &&
    value.kind === "number" &&
    value.whole &&
    asReal(value) === undefined
  );
}

/** `left operator right` of two compile-time numbers. */
export function combineNumbers(
  body: Body,
  operator: BinaryOperator,
  left: NumberValue,
  right: NumberValue,
  span: Span,
  use: Use,
): Value {
  if (left.whole && right.whole)
    return combineWhole(body, operator, left.size, right.size, span, use);
  const [a, b] = [asReal(left), asReal(right)];
  const of = realOperators.get(operator);
  if (of !== undefined)
    return realNumber(a === undefined || b === undefined ? undefined : of(a, b));
  const test = realComparisons.get(operator);
  if (test === undefined) return noSuchOperator(body, operator, span);
  const condition: Condition =
    a === undefined || b === undefined ? { kind: "unknown" } : known(test(a, b));
  return { kind: "boolean", condition };
}

const realOperators: ReadonlyMap<BinaryOperator, (a: number, b: number) => number> = new Map([
  ["+", (a: number, b: number) => a + b],
  ["-", (a: number, b: number) => a - b],
  ["*", (a: number, b: number) => a * b],
  ["/", (a: number, b: number) => a / b],
]);

const realComparisons: ReadonlyMap<BinaryOperator, (a: number, b: number) => boolean> = new Map([
  ["==", (a: number, b: number) => a === b],
  ["!=", (a: number, b: number) => a !== b],
  ["<", (a: number, b: number) => a < b],
  ["<=", (a: number, b: number) => a <= b],
  [">", (a: number, b: number) => a > b],
  [">=", (a: number, b: number) => a >= b],
]);

function noSuchOperator(body: Body, operator: BinaryOperator, span: Span): Value {
  return fail(body, "type/operator", {
    message: `\`${operator}\` does not take two numbers`,
    at: { span, note: "" },
    hint: "numbers know `+ - * / %` and comparisons",
  });
}

function combineWhole(
  body: Body,
  operator: BinaryOperator,
  a: Dimension,
  b: Dimension,
  span: Span,
  use: Use,
): Value {
  const condition = (value: Condition): Value => ({ kind: "boolean", condition: value });
  switch (operator) {
    case "+":
      return wholeNumber(add(a, b));
    case "-":
      return wholeNumber(subtract(a, b));
    case "*":
      return wholeNumber(multiply(a, b));
    case "/":
      return quotient(body, a, b, span, use.index === true ? "floor" : "exact");
    case "%": {
      if (!isPositive(body, b, span)) return unknown;
      return wholeNumber(subtract(a, multiply(b, floorDivide(a, b))));
    }
    case "==":
    case "!=":
    case "<":
    case "<=":
      return condition(compare(a, operator, b));
    case ">":
      return condition(compare(b, "<", a));
    case ">=":
      return condition(compare(b, "<=", a));
    default:
      return noSuchOperator(body, operator, span);
  }
}

/** A quotient of two sizes; an exact one must be whole, here or at the call that fixes the sizes. */
export function quotient(
  body: Body,
  a: Dimension,
  b: Dimension,
  span: Span,
  kind: "exact" | "floor" | "ceil",
): Value {
  if (!isPositive(body, b, span)) return unknown;
  if (kind === "floor") return wholeNumber(floorDivide(a, b));
  if (kind === "ceil") return wholeNumber(ceilDivide(a, b));
  const size = divide(a, b);
  return requireWhole(body, size, a, b, span) ? wholeNumber(size) : unknown;
}

function isPositive(body: Body, size: Dimension, span: Span): boolean {
  if (asConstant(size) !== 0) return true;
  fail(body, "dim/zero", {
    message: "a size is divided by 0",
    at: { span, note: "" },
    hint: "divide by a size that is at least 1",
  });
  return false;
}

/** Requires `size`, which is `a / b`, to be a whole number. */
export function requireWhole(
  body: Body,
  size: Dimension,
  a: Dimension,
  b: Dimension,
  span: Span,
): boolean {
  return demand(body, { kind: "whole", size }, (show) =>
    error("dim/divide", {
      message: `${show(a)} cannot be divided by ${show(b)} without a remainder`,
      at: { span, note: `${show(a)} / ${show(b)}` },
      hint: "choose sizes that divide, or say `floor(…)` or `ceil(…)` if a remainder is meant",
    }),
  );
}

/** A condition that is the case or not when the model is compiled; reports anything else. */
export function conditionOf(body: Body, expr: Expr): Condition | undefined {
  const value = evaluate(body, expr);
  if (value.kind === "boolean") return value.condition;
  if (value.kind !== "unknown") {
    fail(body, "type/condition", {
      message: `a condition on compile-time numbers is wanted, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      hint:
        value.kind === "tensor"
          ? "what depends on data is chosen with `where(condition, a, b)`"
          : "compare sizes or loop variables, for example `l in [3, 8]` or `E % 2 == 0`",
    });
  }
  return undefined;
}
