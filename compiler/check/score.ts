/** The body of a score: a real-valued change of a logit. */

import type { BinaryOperator, Expr } from "../../grammar/ast.ts";
import { constant, subtract } from "../op/dimension.ts";
import type { Score, ScoreBinary, ScoreUnary } from "../op/predicate.ts";
import { asReal } from "./number.ts";
import { predicateOf } from "./predicate.ts";
import { isNotNegative } from "./range.ts";
import { dataOf, refuse, refuseName, type RowScope, sideOf, useData } from "./row-scope.ts";
import { rangeOfTerm, termOf } from "./term.ts";

const binaries: ReadonlyMap<BinaryOperator, ScoreBinary> = new Map([
  ["+", "+"],
  ["-", "-"],
  ["*", "*"],
  ["/", "/"],
]);

const unaries: ReadonlyMap<string, ScoreUnary> = new Map([
  ["exp", "exp"],
  ["log", "log"],
  ["sqrt", "sqrt"],
  ["tanh", "tanh"],
  ["abs", "abs"],
]);

/** The score that `expr` is; reports and gives nothing if it is none. */
export function scoreOf(rows: RowScope, expr: Expr): Score | undefined {
  switch (expr.kind) {
    case "missing":
      return undefined;
    case "number":
      return { kind: "number", value: expr.value };
    case "name":
    case "bracket":
      return namedScore(rows, expr);
    case "unary": {
      if (expr.operator !== "-") return notAScore(rows, expr);
      const operand = scoreOf(rows, expr.operand);
      return operand && { kind: "unary", operator: "negate", operand };
    }
    case "binary": {
      const operator = binaries.get(expr.operator);
      if (operator === undefined) return notAScore(rows, expr);
      const left = scoreOf(rows, expr.left);
      const right = scoreOf(rows, expr.right);
      return left && right && { kind: "binary", operator, left, right };
    }
    case "call":
      return calledScore(rows, expr);
    default:
      return notAScore(rows, expr);
  }
}

function namedScore(
  rows: RowScope,
  expr: Expr & { readonly kind: "name" | "bracket" },
): Score | undefined {
  if (expr.kind === "name" && expr.text === rows.logit) return { kind: "logit" };
  const side = sideOf(rows, expr);
  if (side !== undefined) return { kind: "position", side };
  const looked = expr.kind === "bracket" ? lookup(rows, expr) : undefined;
  if (looked !== undefined) return looked.score;
  const read = dataOf(rows, expr);
  if (read !== undefined) return { kind: "data", index: useData(rows, read), side: read.side };
  if (expr.kind === "bracket") return notAScore(rows, expr);
  const { values, sizes } = rows.body.scope;
  const value = values.get(expr.text);
  const size = sizes.get(expr.text);
  if (value?.kind === "unknown") return undefined;
  if (value?.kind === "number") return { kind: "number", value: asReal(value) ?? 1 };
  if (size !== undefined) {
    return { kind: "number", value: asReal({ kind: "number", whole: true, size }) ?? 1 };
  }
  return value === undefined ? refuseName(rows, expr.text, expr.span) : notAScore(rows, expr);
}

/** `bias[H, Offset = clamp(k - q, -8, 8) + 8]`: one axis of the data is indexed by a term. */
function lookup(
  rows: RowScope,
  expr: Expr & { readonly kind: "bracket" },
): { readonly score: Score | undefined } | undefined {
  const [item, more] = expr.items.filter((each) => each.kind === "select");
  if (item === undefined) return undefined;
  const read = dataOf(rows, expr);
  if (read === undefined || more !== undefined) return { score: notAScore(rows, expr) };
  const axis = read.value.axes[read.labels.indexOf(item.axis.text)];
  if (axis === undefined) {
    const hint = `its axes are ${read.labels.map((label) => `\`${label}\``).join(", ")}`;
    const message = `this data has no axis \`${item.axis.text}\``;
    return { score: refuse(rows, { code: "score/data", message, span: item.axis.span, hint }) };
  }
  const at = termOf(rows, item.value);
  if (at === undefined) return { score: undefined };
  const { low, high } = rangeOfTerm(at);
  const size = rows.body.axes.size(axis);
  const isInside =
    low !== undefined &&
    high !== undefined &&
    isNotNegative(low) &&
    (rows.body.mode === "generic" || isNotNegative(subtract(subtract(size, constant(1)), high)));
  if (!isInside) {
    const hint = `bound it: \`clamp(…, 0, ${size.key} - 1)\``;
    const message = `this index cannot be shown to stay inside \`${item.axis.text}\``;
    return { score: refuse(rows, { code: "shape/range", message, span: item.value.span, hint }) };
  }
  return { score: { kind: "lookup", index: useData(rows, { ...read, side: "none" }), axis, at } };
}

function calledScore(rows: RowScope, expr: Expr & { readonly kind: "call" }): Score | undefined {
  const name = expr.callee.kind === "name" ? expr.callee.text : "";
  const [first, second, third] = expr.arguments.map((argument) => argument.value);
  // A score computes with floats, positions included.
  if (name === "float" && first !== undefined && second === undefined) return scoreOf(rows, first);
  const unary = unaries.get(name);
  if (unary !== undefined && first !== undefined && second === undefined) {
    const operand = scoreOf(rows, first);
    return operand && { kind: "unary", operator: unary, operand };
  }
  if ((name === "min" || name === "max") && first !== undefined && second !== undefined) {
    const left = scoreOf(rows, first);
    const right = scoreOf(rows, second);
    return left && right && { kind: "binary", operator: name, left, right };
  }
  if (name === "where" && first && second && third) {
    const condition = predicateOf(rows, first);
    const then = scoreOf(rows, second);
    const otherwise = scoreOf(rows, third);
    return condition && then && otherwise && { kind: "where", condition, then, otherwise };
  }
  return notAScore(rows, expr);
}

function notAScore(rows: RowScope, expr: Expr): undefined {
  return refuse(rows, {
    code: "score/term",
    message: "a score computes with the logit, positions, data and numbers",
    span: expr.span,
    hint: "use `+ - * /`, `exp log sqrt tanh abs`, `min`, `max` and `where(condition, a, b)`",
  });
}
