/**
 * What must hold of sizes. While a body is checked for all callers its sizes are symbols, so some
 * conditions are decided at the call only; they are data, so that a call can put its sizes in.
 */

import { unreachable } from "../../grammar/invariant.ts";
import {
  asConstant,
  type Dimension,
  equalDimensions,
  substitute,
  subtract,
} from "../op/dimension.ts";
import { isNotNegative } from "./range.ts";

export type Condition =
  | { readonly kind: "constant"; readonly value: boolean }
  | {
      readonly kind: "compare";
      readonly comparison: "<" | "<=" | "==" | "!=";
      readonly left: Dimension;
      readonly right: Dimension;
    }
  | { readonly kind: "and" | "or"; readonly operands: readonly Condition[] }
  | { readonly kind: "not"; readonly operand: Condition }
  /** The size is a whole number. */
  | { readonly kind: "whole"; readonly size: Dimension }
  /** The size is known when the model is compiled. */
  | { readonly kind: "fixed"; readonly size: Dimension }
  /** It depends on what is no size: nothing is known of it before the model is instantiated. */
  | { readonly kind: "unknown" };

/** Whether a size may change from run to run; undefined if that is the caller's affair. */
export type IsRuntime = (size: Dimension) => boolean | undefined;

/** A condition that is decided. */
export function known(value: boolean): Condition {
  return { kind: "constant", value };
}

/** A comparison of two sizes. */
export function compare(
  left: Dimension,
  comparison: "<" | "<=" | "==" | "!=",
  right: Dimension,
): Condition {
  return { kind: "compare", comparison, left, right };
}

/** Whether `condition` holds for all values of its symbols (true), for none (false), or neither. */
export function decide(condition: Condition, isRuntime: IsRuntime): boolean | undefined {
  switch (condition.kind) {
    case "constant":
      return condition.value;
    case "unknown":
      return undefined;
    case "not": {
      const value = decide(condition.operand, isRuntime);
      return value === undefined ? undefined : !value;
    }
    case "and":
    case "or": {
      const values = condition.operands.map((operand) => decide(operand, isRuntime));
      const strong = condition.kind === "or";
      if (values.includes(strong)) return strong;
      return values.includes(undefined) ? undefined : !strong;
    }
    case "compare":
      return decideComparison(condition);
    case "whole":
      return decideWhole(condition.size);
    case "fixed": {
      const runtime = isRuntime(condition.size);
      return runtime === undefined ? undefined : !runtime;
    }
    default:
      return unreachable(condition);
  }
}

function decideComparison(condition: Condition & { kind: "compare" }): boolean | undefined {
  const { comparison, left, right } = condition;
  const [a, b] = [asConstant(left), asConstant(right)];
  if (a !== undefined && b !== undefined) {
    if (comparison === "==") return a === b;
    if (comparison === "!=") return a !== b;
    return comparison === "<" ? a < b : a <= b;
  }
  if (comparison === "==" || comparison === "!=") {
    if (equalDimensions(left, right)) return comparison === "==";
    // Two different constants differ; anything symbolic may still be equal.
    const difference = asConstant(subtract(left, right));
    return difference === undefined ? undefined : comparison === "!=";
  }
  const room = subtract(right, left);
  if (comparison === "<=" && isNotNegative(room)) return true;
  const gap = asConstant(room);
  return gap === undefined ? undefined : comparison === "<" ? gap > 0 : gap >= 0;
}

/** A size whose form has no quotient is whole; one with a quotient is whole for some symbols only. */
function decideWhole(size: Dimension): boolean | undefined {
  const value = asConstant(size);
  if (value !== undefined) return Number.isInteger(value);
  const isPlain = size.terms.every(
    (term) =>
      term.denominator === 1 &&
      [...term.powers].every(
        ([factor, power]) => power > 0 && size.opaque.get(factor)?.kind !== "exact",
      ),
  );
  return isPlain ? true : undefined;
}

/** `condition` with some symbols replaced by sizes. */
export function substituteCondition(
  condition: Condition,
  values: ReadonlyMap<string, Dimension>,
): Condition {
  switch (condition.kind) {
    case "constant":
    case "unknown":
      return condition;
    case "not":
      return { kind: "not", operand: substituteCondition(condition.operand, values) };
    case "and":
    case "or": {
      const operands = condition.operands.map((each) => substituteCondition(each, values));
      return { kind: condition.kind, operands };
    }
    case "compare": {
      const left = substitute(condition.left, values);
      return { ...condition, left, right: substitute(condition.right, values) };
    }
    case "whole":
    case "fixed":
      return { kind: condition.kind, size: substitute(condition.size, values) };
    default:
      return unreachable(condition);
  }
}
