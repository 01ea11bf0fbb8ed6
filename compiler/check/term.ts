/** Integer terms of masks and scores: arithmetic on positions and token data. */

import type { BinaryOperator, Expr } from "../../grammar/ast.ts";
import { asConstant, constant } from "../op/dimension.ts";
import type { TableIndex, Term, TermOperator } from "../op/predicate.ts";
import { counted } from "./arguments.ts";
import { asSize } from "./number.ts";
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
import { dataOf, refuse, refuseName, type RowScope, sideOf, useData } from "./row-scope.ts";
import { describe } from "./value.ts";

const operators: ReadonlyMap<BinaryOperator, TermOperator> = new Map([
  ["+", "+"],
  ["-", "-"],
  ["*", "*"],
  ["/", "/"],
  ["%", "%"],
]);

/** The term that `expr` is; reports and gives nothing if it is none. */
export function termOf(rows: RowScope, expr: Expr): Term | undefined {
  switch (expr.kind) {
    case "missing":
      return undefined;
    case "number":
      if (expr.integer) return { kind: "number", value: expr.value };
      return refuse(rows, {
        code: "mask/integer",
        message: "masks compute with integers",
        span: expr.span,
        hint: "write a whole number",
      });
    case "name":
    case "bracket":
      return rowTerm(rows, expr);
    case "unary": {
      if (expr.operator !== "-") return notATerm(rows, expr);
      const operand = termOf(rows, expr.operand);
      return operand && binary("-", { kind: "number", value: 0 }, operand);
    }
    case "binary": {
      const operator = operators.get(expr.operator);
      if (operator === undefined) return notATerm(rows, expr);
      const left = termOf(rows, expr.left);
      const right = termOf(rows, expr.right);
      return left && right && binary(operator, left, right);
    }
    case "call":
      return callTerm(rows, expr);
    default:
      return notATerm(rows, expr);
  }
}

function binary(operator: TermOperator, left: Term, right: Term): Term {
  if (left.kind === "number" && right.kind === "number" && right.value !== 0) {
    return { kind: "number", value: arithmetic[operator](left.value, right.value) };
  }
  return { kind: "binary", operator, left, right };
}

const arithmetic: Readonly<Record<TermOperator, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => Math.floor(a / b),
  "%": (a, b) => a - b * Math.floor(a / b),
  min: Math.min,
  max: Math.max,
};

function rowTerm(rows: RowScope, expr: Expr): Term | undefined {
  const side = sideOf(rows, expr);
  if (side !== undefined) return { kind: "position", side };
  const table = tableOf(rows, expr);
  if (table !== undefined) return table.term;
  const read = dataOf(rows, expr);
  if (read !== undefined) {
    if (read.value.element === "float") {
      return refuse(rows, {
        code: "mask/integer",
        message: "masks compare integers, this data is float",
        span: expr.span,
        hint: "declare it as `int[…]`, and convert before: `int(…)`",
      });
    }
    return { kind: "data", index: useData(rows, read), side: read.side };
  }
  if (expr.kind === "name") return numberTerm(rows, expr);
  const name = expr.kind === "bracket" && expr.target.kind === "name" ? expr.target : undefined;
  const isKnown = name === undefined || rows.body.scope.values.has(name.text);
  return isKnown ? notATerm(rows, expr) : refuseName(rows, name.text, name.span);
}

/**
 * `allowed[q, k]`, `allowed[q / 64, k / 64]`: data that is no row's, read where the mask says; axes
 * that are left out, or stand there by their name, align with the attention's.
 */
export function tableOf(
  rows: RowScope,
  expr: Expr,
): { readonly term: Term | undefined } | undefined {
  if (expr.kind !== "bracket" || expr.target.kind !== "name") return undefined;
  const value = rows.body.scope.values.get(expr.target.text);
  if (value?.kind !== "tensor") return undefined;
  const labels = rows.labels.get(expr.target.text) ?? [];
  const named = (each: Expr): string | undefined =>
    each.kind === "name" && labels.includes(each.text) ? each.text : undefined;
  const items = expr.items.flatMap((item) => (item.kind === "value" ? [item.value] : []));
  const places = items.filter((each) => named(each) === undefined);
  const [place, more] = places;
  if (place === undefined || items.length !== expr.items.length) return undefined;
  // `document[q]` is a row's own, and one number for all rows is no mask's business.
  if (more === undefined && place.kind !== "binary" && place.kind !== "call") return undefined;
  const heads = items.flatMap((each) => named(each) ?? []);
  const open = value.axes.filter((_, index) => !heads.includes(labels[index] ?? ""));
  const axes = open.slice(open.length - places.length);
  const isOther = value.element === "float" || axes.length !== places.length;
  if (isOther) return { term: noTable(rows, expr, labels) };
  const terms = places.map((each) => termOf(rows, each));
  const at = terms.flatMap((term, index): TableIndex[] => {
    const axis = axes[index];
    return term === undefined || axis === undefined ? [] : [{ axis, at: term }];
  });
  if (at.length < places.length) return { term: undefined };
  const { text: name } = expr.target;
  const read = { name, value, labels, side: "none", table: axes, span: expr.span } as const;
  const truth = value.element === "bool";
  return { term: { kind: "table", index: useData(rows, read), at, truth } };
}

function noTable(rows: RowScope, expr: Expr, labels: readonly string[]): undefined {
  return refuse(rows, {
    code: `${rows.what}/data`,
    message: `a table is bools or ints over as many axes as it is read at, this one has ${labels.map((each) => `\`${each}\``).join(", ")}`,
    span: expr.span,
    hint: "declare it as `allowed: bool[Query, Key]` and read it as `allowed[q, k]`",
  });
}

function numberTerm(rows: RowScope, expr: Expr & { readonly kind: "name" }): Term | undefined {
  const { values, sizes } = rows.body.scope;
  const value = values.get(expr.text);
  if (value?.kind === "unknown") return undefined;
  const size = value === undefined ? sizes.get(expr.text) : asSize(value);
  // While a mask is checked for all callers its numbers are symbols; any number stands for them.
  if (size !== undefined) return { kind: "number", value: asConstant(size) ?? 1 };
  if (value === undefined) return refuseName(rows, expr.text, expr.span);
  if (value.kind === "number" && rows.body.mode === "generic") return { kind: "number", value: 1 };
  return refuse(rows, {
    code: "mask/integer",
    message: `masks compute with integers, this is ${describe(value)}`,
    span: expr.span,
    hint: "pass a whole number",
  });
}

function callTerm(rows: RowScope, expr: Expr & { readonly kind: "call" }): Term | undefined {
  const name = expr.callee.kind === "name" ? expr.callee.text : "";
  const shape = termFunctions.get(name);
  if (shape === undefined) return notATerm(rows, expr);
  const terms = expr.arguments.map((argument) => termOf(rows, argument.value));
  const [a, b, c] = terms;
  if (terms.length !== shape.count) {
    return refuse(rows, {
      code: "call/arguments",
      message: `\`${name}\` takes ${counted(shape.count, "value")}, not ${terms.length}`,
      span: expr.span,
      hint: `write \`${shape.usage}\``,
    });
  }
  if (a === undefined) return undefined;
  if (name === "abs") return { kind: "absolute", operand: a };
  if (b === undefined) return undefined;
  if (name === "min" || name === "max") return binary(name, a, b);
  if (name === "floor_div") return binary("/", a, b);
  return c && binary("min", binary("max", a, b), c);
}

const termFunctions: ReadonlyMap<string, { readonly count: number; readonly usage: string }> =
  new Map([
    ["abs", { count: 1, usage: "abs(a)" }],
    ["min", { count: 2, usage: "min(a, b)" }],
    ["max", { count: 2, usage: "max(a, b)" }],
    ["floor_div", { count: 2, usage: "floor_div(a, b)" }],
    ["clamp", { count: 3, usage: "clamp(a, low, high)" }],
  ]);

function notATerm(rows: RowScope, expr: Expr): undefined {
  return refuse(rows, {
    code: `${rows.what}/term`,
    message: `a ${rows.what} computes with positions, token data and whole numbers`,
    span: expr.span,
    hint:
      expr.kind === "member"
        ? "what a row stands for is data of the mask, as `image_of` in `mask images(image_of: int[S])(q, k) = image_of[q] == image_of[k]`; `floor_div(index(S), 64)` numbers groups of 64 rows"
        : "use `+ - * / %`, `abs`, `min`, `max`, `clamp`, and `data[q]` or `data[k]`",
  });
}

/** What is known of a term's values, for looking up in a table. */
export function rangeOfTerm(term: Term): Range {
  switch (term.kind) {
    case "number":
      return exactly(constant(term.value));
    case "position":
      return { low: constant(0) };
    case "data":
    case "table":
      return {};
    case "absolute":
      return { low: constant(0) };
    case "binary": {
      const [a, b] = [rangeOfTerm(term.left), rangeOfTerm(term.right)];
      return ranges[term.operator](a, b);
    }
  }
}

const ranges: Readonly<Record<TermOperator, (a: Range, b: Range) => Range>> = {
  "+": addRanges,
  "-": subtractRanges,
  "*": multiplyRanges,
  "/": floorDivideRanges,
  "%": (_, b) => remainderRange(b),
  min: minRanges,
  max: maxRanges,
};
