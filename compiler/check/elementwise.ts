/**
 * Elementwise operations: operands align by axis name. The result has the left operand's axes in
 * order, then the right's new ones; that it has more than either is an error unless it was meant.
 */

import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { union } from "../graph/result-type.ts";
import type { AxisName } from "../op/axis.ts";
import { constant } from "../op/dimension.ts";
import type { BinaryFunction, UnaryFunction } from "../op/op.ts";
import type { Element } from "../op/type.ts";
import { type Body, fail, report, type Use } from "./context.ts";
import { emit, toTensor } from "./emit.ts";
import { showAxes } from "./labels.ts";
import {
  addRanges,
  exactly,
  floorDivideRanges,
  maxRanges,
  minRanges,
  multiplyRanges,
  type Range,
  remainderRange,
  subtractRanges,
} from "./range.ts";
import { describe, type NumberValue, type Tensor, unknown, type Value } from "./value.ts";

/** An operand with the place where it is written. */
export interface Operand {
  readonly value: Value;
  readonly span: Span;
}

/** An operand that can be a node: a tensor, or a number that becomes one. */
export type Numeric = Tensor | NumberValue;

/** The bounds of an int; unbounded where nothing is known. */
export function rangeOf(tensor: Tensor): Range {
  return tensor.range === undefined || tensor.range === "tokens" ? {} : tensor.range;
}

/** The operand as a tensor or number; reports anything else. */
function numeric(body: Body, operand: Operand, what: string): Numeric | undefined {
  const { value, span } = operand;
  if (value.kind === "tensor" || value.kind === "number") return value;
  if (value.kind === "boolean") {
    const { condition } = value;
    const isTrue = condition.kind === "constant" && condition.value;
    return toBool(body, isTrue, span);
  }
  if (value.kind === "unknown") return undefined;
  fail(body, "type/operand", {
    message: `${what} takes tensors and numbers, this is ${describe(value)}`,
    at: { span, note: "" },
    hint: hintFor(value),
  });
  return undefined;
}

function toBool(body: Body, value: boolean, span: Span): Tensor {
  return emit(body, { kind: "constant", element: "bool", value: value ? 1 : 0 }, [], span);
}

function hintFor(value: Value): string {
  if (value.kind === "several") return "bind the values first: `a, b = …`";
  if (value.kind === "mask") return "pass a mask to `attend(…; mask = …)`";
  return "use a tensor or a number here";
}

/** The element type in which operands meet: numbers take that of the tensors. */
function commonElement(
  body: Body,
  operands: readonly { readonly value: Numeric; readonly span: Span }[],
  span: Span,
): Element | undefined {
  const tensors = operands.filter((each) => each.value.kind === "tensor");
  const [first] = tensors;
  if (first === undefined || first.value.kind !== "tensor") {
    return operands.every(({ value }) => value.kind === "number" && value.whole) ? "int" : "float";
  }
  const { element } = first.value;
  for (const { value, span: at } of operands) {
    if (value.kind === "tensor" && value.element !== element) {
      fail(body, "type/mixed", {
        message: `${element} and ${value.element} are not mixed silently`,
        at: { span: at, note: value.element },
        also: [{ span: first.span, note: element }],
        hint:
          element === "bool" || value.element === "bool"
            ? "choose with `where(condition, a, b)`"
            : "convert one side: `float(…)`",
      });
      return undefined;
    }
    if (value.kind !== "number" || value.whole || element === "float") continue;
    fail(body, "type/mixed", {
      message: `a number with a fraction meets ${element === "int" ? "an int" : "a bool"}`,
      at: { span: at, note: "float" },
      also: [{ span: first.span, note: element }],
      hint: "convert the other side: `float(…)`",
    });
    return undefined;
  }
  if (element === "bool" && operands.some(({ value }) => value.kind === "number")) {
    fail(body, "type/mixed", {
      message: "a bool meets a number",
      at: { span, note: "" },
      hint: "write `where(condition, 1, 0)`, or `float(condition)`",
    });
    return undefined;
  }
  return element;
}

/** `fn` of one operand that is a tensor already. */
export function mapUnary(body: Body, fn: UnaryFunction, x: Tensor, span: Span): Tensor {
  const range = fn === "negate" ? subtractRanges(zeroRange, rangeOf(x)) : undefined;
  return emit(body, { kind: "map", fn }, [x], span, x.element === "int" ? range : undefined);
}

const zeroRange = exactly(constant(0));

/** `fn` of two operands; reports operands that do not fit, and outer products that were not meant. */
export function mapBinary(
  body: Body,
  fn: BinaryFunction,
  left: Operand,
  right: Operand,
  span: Span,
  use: Use,
  sign: string,
): Value {
  const a = numeric(body, left, `\`${sign}\``);
  const b = numeric(body, right, `\`${sign}\``);
  if (a === undefined || b === undefined) return unknown;
  const operands = [
    { value: a, span: left.span },
    { value: b, span: right.span },
  ];
  const element = commonElement(body, operands, span);
  if (element === undefined) return unknown;
  const [x, y] = operands.map(({ value, span: at }) =>
    value.kind === "tensor" ? value : toTensor(body, value, element, at),
  );
  if (x === undefined || y === undefined) return unknown;
  if (!fits(body, fn, element, sign, span)) return unknown;
  const aligned = [
    { value: x, span: left.span },
    { value: y, span: right.span },
  ];
  if (!alignsWell(body, aligned, use, sign)) return unknown;
  const range = element === "int" ? combineRanges(fn, rangeOf(x), rangeOf(y)) : undefined;
  return emit(body, { kind: "map", fn }, [x, y], span, range);
}

function fits(body: Body, fn: BinaryFunction, element: Element, sign: string, span: Span): boolean {
  const logical = fn === "and" || fn === "or";
  const equality = fn === "equal" || fn === "not_equal";
  const wrong =
    (logical && element !== "bool") ||
    (!logical && !equality && element === "bool") ||
    ((fn === "floor_divide" || fn === "remainder") && element !== "int");
  if (!wrong) return true;
  fail(body, "type/operator", {
    message: `\`${sign}\` does not take ${element}s`,
    at: { span, note: "" },
    hint: hintForElement(fn, element),
  });
  return false;
}

function hintForElement(fn: BinaryFunction, element: Element): string {
  if (element === "bool") return "count with `where(condition, 1, 0)`";
  if (fn === "and" || fn === "or") return "compare first, for example `a > 0 and b > 0`";
  return "for floats write `floor(a / b)`, and `a - b * floor(a / b)` for the remainder";
}

/** A tensor with the place where it is written. */
export interface Aligned {
  readonly value: Tensor;
  readonly span: Span;
}

/**
 * Whether one operand has all axes that the others have, or an outer product is meant. An instance
 * does not ask: its bodies were checked for all callers.
 */
export function alignsWell(
  body: Body,
  operands: readonly Aligned[],
  use: Use,
  sign: string,
): boolean {
  if (use.outer === true || body.mode === "instance") return true;
  const all = union(operands.map((each) => each.value.axes));
  if (operands.some((each) => contains(each.value.axes, all))) return true;
  const [left, ...others] = operands;
  const right = others.find((each) => left && !contains(left.value.axes, each.value.axes));
  if (left === undefined || right === undefined) return true;
  const shape = showAxes(body, all);
  report(
    body,
    error("shape/outer", {
      message: `\`${sign}\` would make ${shape}, which no side is: an outer product`,
      at: { span: right.span, note: showAxes(body, right.value.axes) },
      also: [{ span: left.span, note: showAxes(body, left.value.axes) }],
      hint: `if it is meant, bind it with its shape: \`product: ${shape} = …\``,
    }),
  );
  return false;
}

function contains(axes: readonly AxisName[], others: readonly AxisName[]): boolean {
  return others.every((axis) => axes.includes(axis));
}

function combineRanges(fn: BinaryFunction, a: Range, b: Range): Range | undefined {
  switch (fn) {
    case "add":
      return addRanges(a, b);
    case "subtract":
      return subtractRanges(a, b);
    case "multiply":
      return multiplyRanges(a, b);
    case "floor_divide":
      return floorDivideRanges(a, b);
    case "remainder":
      return remainderRange(b);
    case "min":
      return minRanges(a, b);
    case "max":
      return maxRanges(a, b);
    default:
      return undefined;
  }
}
