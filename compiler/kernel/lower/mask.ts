/**
 * Masks and scores in a kernel: which tiles hold a visible pair, whether one pair is visible, and
 * what a score makes of a logit. `compiler/mask` reasons; this file gives it expressions to build.
 */

import { invariant, unreachable } from "../../../grammar/invariant.ts";
import {
  type Algebra,
  classify,
  element,
  elementTerm,
  type ElementValues,
  type Facts,
  type TablePlace,
} from "../../mask/index.ts";
import type { Predicate, Score, Side } from "../../op/predicate.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";

/** Kernel expressions as the algebra in which `compiler/mask` speaks. */
export const expressions: Algebra<Expr> = {
  integer: build.int,
  truth: build.boolean,
  add: (a, b) => build.add(a, b),
  subtract: build.subtract,
  multiply: (a, b) => build.multiply(a, b),
  floorDivide: build.floorDivide,
  remainder: build.floorRemainder,
  min: (a, b) => build.minimum(a, b),
  max: (a, b) => build.maximum(a, b),
  less: build.less,
  lessEqual: build.lessEqual,
  equal: build.equal,
  notEqual: build.notEqual,
  and: (a, b) => build.and(a, b),
  or: (a, b) => build.or(a, b),
  not: build.not,
  select: build.select,
};

/** The facts about one query row and one key row, as expressions. */
export type Pair = ElementValues<Expr>;

/** The smallest and largest fact of the rows of a tile. */
export interface TileRange {
  readonly low: Expr;
  readonly high: Expr;
}

/** Whether the pair is visible. */
export function visible(predicate: Predicate, pair: Pair): Expr {
  return element(predicate, expressions, pair);
}

/** Whether a tile may hold a visible pair, and whether all its pairs are visible. */
export function tileClass(
  predicate: Predicate,
  position: (side: "q" | "k") => TileRange,
  data: (index: number, side: Side) => TileRange,
  table: (index: number, at: readonly TablePlace<Expr>[]) => Expr | undefined,
  facts: Facts,
): { readonly possible: Expr; readonly certain: Expr } {
  const ranges = { q: position("q"), k: position("k"), data, table };
  return classify(predicate, ranges, expressions, facts);
}

/** The score of a pair; `lookup` reads data along an axis of its own. */
export function scoreOf(
  score: Score,
  logit: Expr,
  pair: Pair,
  lookup: (index: number, axis: string, at: Expr) => Expr,
): Expr {
  const visit = (each: Score): Expr => {
    switch (each.kind) {
      case "logit":
        return logit;
      case "number":
        return build.real(each.value);
      case "position":
        return build.cast(pair.position(each.side), build.f32);
      case "data":
        return build.cast(pair.data(each.index, each.side), build.f32);
      case "lookup":
        return lookup(each.index, each.axis, elementTerm(each.at, expressions, pair));
      case "unary": {
        const operand = visit(each.operand);
        return each.operator === "negate"
          ? build.negate(operand)
          : build.call(each.operator, operand);
      }
      case "binary":
        return scoreBinary(each.operator, visit(each.left), visit(each.right));
      case "where":
        return build.select(visible(each.condition, pair), visit(each.then), visit(each.otherwise));
      default:
        return unreachable(each);
    }
  };
  return visit(score);
}

function scoreBinary(
  operator: Extract<Score, { kind: "binary" }>["operator"],
  left: Expr,
  right: Expr,
): Expr {
  switch (operator) {
    case "+":
      return build.add(left, right);
    case "-":
      return build.subtract(left, right);
    case "*":
      return build.multiply(left, right);
    case "/":
      return build.divide(left, right);
    case "min":
      return build.minimum(left, right);
    case "max":
      return build.maximum(left, right);
    default:
      return unreachable(operator);
  }
}

/** The smallest and largest of some expressions. */
export function rangeOf(values: readonly Expr[]): TileRange {
  const [first, ...rest] = values;
  invariant(first !== undefined, "lowering: the range of no values");
  return {
    low: rest.reduce((a: Expr, b) => build.minimum(a, b), first),
    high: rest.reduce((a: Expr, b) => build.maximum(a, b), first),
  };
}
