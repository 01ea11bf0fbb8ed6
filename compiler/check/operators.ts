/** Operators: which rule applies depends on what stands on both sides. */

import type { BinaryOperator, Expr } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { BinaryFunction } from "../op/op.ts";
import { type Condition, compare } from "./condition.ts";
import { contract } from "./contract.ts";
import { type Body, evaluate, type ExpectedAxis, fail, type Use } from "./context.ts";
import { mapBinary, mapUnary, type Operand } from "./elementwise.ts";
import { emit } from "./emit.ts";
import { combineMasks, negateMask } from "./mask-value.ts";
import { asReal, asSize, combineNumbers, isMeasured } from "./number.ts";
import { describe, realNumber, type Tensor, unknown, type Value, wholeNumber } from "./value.ts";
import { constant, subtract } from "../op/dimension.ts";

type Binary = Expr & { readonly kind: "binary" };
type Unary = Expr & { readonly kind: "unary" };

/** `left operator right`. */
export function evaluateBinary(body: Body, expr: Binary, use: Use): Value {
  const left = { value: evaluate(body, expr.left, use), span: expr.left.span };
  if (expr.operator === "in") return membership(body, left, expr);
  const right = {
    value: evaluate(body, expr.right, forRight(body, use, left.value, expr)),
    span: expr.right.span,
  };
  const { operator, span } = expr;
  if (left.value.kind === "unknown" || right.value.kind === "unknown") return unknown;
  if (operator === "@") return contract(body, left, right, expr.operatorSpan, span);
  if (operator === "and" || operator === "or") return connective(body, operator, left, right, span);
  const sides = [left.value, right.value];
  const isReal = sides.some((each) => each.kind === "number" && !each.whole);
  const isTensor = isReal && sides.some((each) => isMeasured(body, each));
  if (left.value.kind === "number" && right.value.kind === "number" && !isTensor) {
    return combineNumbers(body, operator, left.value, right.value, span, use);
  }
  if (operator === "/" || operator === "%") return division(body, operator, left, right, expr, use);
  if (operator === ">" || operator === ">=")
    return reversed(body, operator, left, right, span, use);
  return mapBinary(body, functions[operator], left, right, span, use, operator);
}

/** What stands right of a tensor has its shape, unless an annotation says otherwise. */
function forRight(body: Body, use: Use, left: Value, expr: Binary): Use {
  if (use.expected !== undefined || left.kind !== "tensor" || expr.operator === "@") return use;
  const expected = left.axes.map(
    (axis): ExpectedAxis => ({ label: body.axes.get(axis).label, axis }),
  );
  return { ...use, expected };
}

const functions: Readonly<
  Record<
    Exclude<BinaryOperator, "@" | "and" | "or" | "in" | "/" | "%" | ">" | ">=">,
    BinaryFunction
  >
> = {
  "+": "add",
  "-": "subtract",
  "*": "multiply",
  "==": "equal",
  "!=": "not_equal",
  "<": "less",
  "<=": "less_equal",
};

/** `a > b` is `b < a`; where that would reorder the axes, it is `not a <= b`. */
function reversed(
  body: Body,
  operator: ">" | ">=",
  left: Operand,
  right: Operand,
  span: Span,
  use: Use,
): Value {
  const axes = (value: Value): number => (value.kind === "tensor" ? value.axes.length : 0);
  if (axes(left.value) > axes(right.value)) {
    const inverse = operator === ">" ? "less_equal" : "less";
    const result = mapBinary(body, inverse, left, right, span, use, operator);
    return result.kind === "tensor" ? mapUnary(body, "not", result, span) : result;
  }
  const direct = operator === ">" ? "less" : "less_equal";
  return mapBinary(body, direct, right, left, span, use, operator);
}

function division(
  body: Body,
  operator: "/" | "%",
  left: Operand,
  right: Operand,
  expr: Binary,
  use: Use,
): Value {
  const isInt = [left.value, right.value].every((value) =>
    value.kind === "tensor" ? value.element === "int" : value.kind === "number" && value.whole,
  );
  if (operator === "%") return mapBinary(body, "remainder", left, right, expr.span, use, "%");
  if (!isInt) return mapBinary(body, "divide", left, right, expr.span, use, "/");
  if (use.index === true) {
    return mapBinary(body, "floor_divide", left, right, expr.span, use, "/");
  }
  return fail(body, "type/integer-division", {
    message: "`/` between integers says neither floor nor fraction",
    at: { span: expr.operatorSpan, note: "" },
    also: [
      { span: left.span, note: "int" },
      { span: right.span, note: "int" },
    ],
    hint: "write `float(a) / b` for a fraction, or `floor_div(a, b)` for the whole part",
  });
}

function connective(
  body: Body,
  operator: "and" | "or",
  left: Operand,
  right: Operand,
  span: Span,
): Value {
  const [a, b] = [left.value, right.value];
  if (a.kind === "mask" && b.kind === "mask") return combineMasks(operator, a, b);
  if (a.kind === "mask" || b.kind === "mask") {
    const other = a.kind === "mask" ? right : left;
    return notAMask(body, operator, other);
  }
  if (a.kind === "boolean" && b.kind === "boolean") {
    const condition: Condition = { kind: operator, operands: [a.condition, b.condition] };
    return { kind: "boolean", condition };
  }
  return mapBinary(body, operator, left, right, span, {}, operator);
}

function notAMask(body: Body, operator: string, operand: Operand): Value {
  return fail(body, "mask/boolean", {
    message: `\`${operator}\` joins masks, this is ${describe(operand.value)}`,
    at: { span: operand.span, note: "" },
    hint: "name a mask, such as `causal`, or call one, such as `window(128)`",
  });
}

/** `l in [3, 8, 13]`: compile-time numbers only; segments are asked for in masks. */
function membership(body: Body, left: Operand, expr: Binary): Value {
  const right = evaluate(body, expr.right);
  if (left.value.kind === "unknown" || right.kind === "unknown") return unknown;
  const size = asSize(left.value);
  if (size === undefined || right.kind !== "list") {
    return fail(body, "type/membership", {
      message: "`in` asks whether a compile-time number is in a list",
      at: { span: expr.operatorSpan, note: "" },
      also: [
        { span: left.span, note: describe(left.value) },
        { span: expr.right.span, note: describe(right) },
      ],
      hint: "write `l in [3, 8, 13]`; segments (`q in text`) are asked for inside masks",
    });
  }
  if (right.items === undefined) return { kind: "boolean", condition: { kind: "unknown" } };
  const operands = right.items.map((item): Condition => {
    const value = asSize(item);
    return value === undefined ? { kind: "unknown" } : compare(size, "==", value);
  });
  return { kind: "boolean", condition: { kind: "or", operands } };
}

/** `-x` and `not x`. */
export function evaluateUnary(body: Body, expr: Unary, use: Use): Value {
  const value = evaluate(body, expr.operand, use);
  if (value.kind === "unknown") return value;
  return expr.operator === "-" ? negative(body, value, expr) : negation(body, value, expr);
}

function negative(body: Body, value: Value, expr: Unary): Value {
  if (value.kind === "number") {
    if (value.whole) return wholeNumber(subtract(constant(0), value.size));
    const real = asReal(value);
    return realNumber(real === undefined ? undefined : -real);
  }
  if (value.kind === "tensor" && value.element !== "bool") {
    return mapUnary(body, "negate", value, expr.span);
  }
  return wrongOperand(body, "-", value, expr);
}

function negation(body: Body, value: Value, expr: Unary): Value {
  if (value.kind === "mask") return negateMask(value);
  if (value.kind === "boolean") {
    return { kind: "boolean", condition: { kind: "not", operand: value.condition } };
  }
  if (value.kind === "tensor" && value.element === "bool") return not(body, value, expr.span);
  return wrongOperand(body, "not", value, expr);
}

function not(body: Body, value: Tensor, span: Span): Tensor {
  return emit(body, { kind: "map", fn: "not" }, [value], span);
}

function wrongOperand(body: Body, sign: string, value: Value, expr: Unary): Value {
  return fail(body, "type/operator", {
    message: `\`${sign}\` does not take ${describe(value)}`,
    at: { span: expr.operand.span, note: "" },
    hint:
      sign === "-"
        ? "negate a number or a tensor of numbers"
        : "negate a condition, a bool or a mask",
  });
}
