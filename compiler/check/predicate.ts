/** The condition of a mask as a predicate: connectives, comparisons of terms, and segments. */

import type { Expr } from "../../grammar/ast.ts";
import { always, never, type Comparison, type Predicate, type Term } from "../op/predicate.ts";
import { type Body, evaluate } from "./context.ts";
import { joinFacts, renumberPredicate } from "./mask-value.ts";
import { dataOf, refuse, refuseName, type RowScope, sideOf, useData } from "./row-scope.ts";
import { tableOf, termOf } from "./term.ts";
import { describe, type MaskValue, noFacts } from "./value.ts";

/** The predicate that `expr` is; reports and gives nothing if it is none. */
export function predicateOf(rows: RowScope, expr: Expr): Predicate | undefined {
  switch (expr.kind) {
    case "missing":
      return undefined;
    case "boolean":
      return leaf(rows, expr, expr.value ? always : never);
    case "unary": {
      if (expr.operator !== "not") return notBoolean(rows, expr, "a number");
      const operand = predicateOf(rows, expr.operand);
      return operand && { kind: "not", operand };
    }
    case "binary":
      return binaryPredicate(rows, expr);
    case "name":
    case "bracket":
      return namedPredicate(rows, expr);
    case "call":
      return calledPredicate(rows, expr);
    default:
      return notBoolean(rows, expr, "no condition");
  }
}

type Binary = Expr & { readonly kind: "binary" };

const comparisons: ReadonlyMap<string, { readonly sign: Comparison; readonly swap: boolean }> =
  new Map([
    ["==", { sign: "==", swap: false }],
    ["!=", { sign: "!=", swap: false }],
    ["<", { sign: "<", swap: false }],
    ["<=", { sign: "<=", swap: false }],
    [">", { sign: "<", swap: true }],
    [">=", { sign: "<=", swap: true }],
  ]);

function binaryPredicate(rows: RowScope, expr: Binary): Predicate | undefined {
  if (expr.operator === "and" || expr.operator === "or") {
    const left = predicateOf(rows, expr.left);
    const right = predicateOf(rows, expr.right);
    if (left === undefined || right === undefined) return undefined;
    const { operator } = expr;
    const operands = [left, right].flatMap((each) =>
      each.kind === operator ? each.operands : [each],
    );
    return { kind: operator, operands };
  }
  if (expr.operator === "in") return membership(rows, expr);
  const comparison = comparisons.get(expr.operator);
  if (comparison === undefined) return notBoolean(rows, expr, "a number");
  const left = termOf(rows, expr.left);
  const right = termOf(rows, expr.right);
  if (left === undefined || right === undefined) return undefined;
  const [a, b] = comparison.swap ? [right, left] : [left, right];
  return leaf(rows, expr, { kind: "compare", comparison: comparison.sign, left: a, right: b });
}

/** `predicate`, which has no parts, and where it is written. */
function leaf(rows: RowScope, { span }: Expr, predicate: Predicate): Predicate {
  rows.leaves.push(span);
  return predicate;
}

/** `q in text`, `k in given`. */
function membership(rows: RowScope, expr: Binary): Predicate | undefined {
  const side = sideOf(rows, expr.left);
  if (side === undefined) {
    if (expr.left.kind === "missing") return undefined;
    return refuse(rows, {
      code: "mask/membership",
      message: `only \`${rows.query}\` or \`${rows.key}\` can be in a segment`,
      span: expr.left.span,
      hint: `write \`${rows.query} in text\``,
    });
  }
  if (expr.right.kind === "name") {
    const segment = expr.right.text;
    if (segment === "given") return leaf(rows, expr, { kind: "given", side });
    rows.atoms.push({ side, segment, span: expr.right.span });
    return leaf(rows, expr, { kind: "segment", side, segment });
  }
  if (expr.right.kind === "missing") return undefined;
  return refuse(rows, {
    code: "mask/membership",
    message: "`in` is followed by the name of a segment",
    span: expr.right.span,
    hint: "write `q in text`; for several, join them with `or`",
  });
}

function namedPredicate(
  rows: RowScope,
  expr: Expr & { readonly kind: "name" | "bracket" },
): Predicate | undefined {
  const table = tableOf(rows, expr);
  if (table !== undefined) return tablePredicate(rows, expr, table.term);
  const read = dataOf(rows, expr);
  if (read?.value.element === "bool") {
    const data = { kind: "data", index: useData(rows, read), side: read.side } as const;
    const zero = { kind: "number", value: 0 } as const;
    return leaf(rows, expr, { kind: "compare", comparison: "!=", left: data, right: zero });
  }
  if (read !== undefined || sideOf(rows, expr) !== undefined) {
    return notBoolean(rows, expr, "an integer");
  }
  if (expr.kind === "bracket") return notBoolean(rows, expr, "no condition");
  const { values, module } = rows.body.scope;
  const isKnown = values.has(expr.text) || module.names.has(expr.text) || expr.text === "all";
  return isKnown ? maskPredicate(rows, expr) : refuseName(rows, expr.text, expr.span);
}

/** A table of bools as a condition. */
function tablePredicate(rows: RowScope, expr: Expr, term: Term | undefined): Predicate | undefined {
  if (term === undefined) return undefined;
  if (term.kind !== "table" || !term.truth) return notBoolean(rows, expr, "an integer");
  const zero = { kind: "number", value: 0 } as const;
  return leaf(rows, expr, { kind: "compare", comparison: "!=", left: term, right: zero });
}

function calledPredicate(
  rows: RowScope,
  expr: Expr & { readonly kind: "call" },
): Predicate | undefined {
  const name = expr.callee.kind === "name" ? expr.callee.text : "";
  const definition = rows.body.scope.module.names.get(name);
  if (definition?.kind === "mask") return maskPredicate(rows, expr);
  return definition?.kind === "unresolved" ? undefined : notBoolean(rows, expr, "no condition");
}

/** Another mask, of the same two rows. */
function maskPredicate(rows: RowScope, expr: Expr): Predicate | undefined {
  const value = evaluate(rows.body, expr);
  if (value.kind === "mask") return include(rows, value);
  if (value.kind === "boolean" && value.condition.kind === "constant") {
    return leaf(rows, expr, value.condition.value ? always : never);
  }
  if (value.kind === "boolean") return leaf(rows, expr, always);
  return value.kind === "unknown" ? undefined : notBoolean(rows, expr, describe(value));
}

/** The predicate of `mask` with its data and atoms taken into `rows`. */
export function include(rows: RowScope, mask: MaskValue): Predicate {
  const { data, at } = joinFacts({ ...noFacts, data: rows.data }, mask);
  rows.data.splice(0, rows.data.length, ...data);
  rows.atoms.push(...mask.atoms);
  rows.leaves.push(...mask.leaves);
  for (const formal of mask.formals) rows.formals.add(formal);
  return renumberPredicate(mask.predicate, at);
}

function notBoolean(rows: RowScope, expr: Expr, what: string): undefined {
  return refuse(rows, {
    code: "mask/boolean",
    message: `a mask says which keys a query sees, so it is a condition; this is ${what}`,
    span: expr.span,
    hint: `compare it, for example \`${rows.key} <= ${rows.query}\``,
  });
}

/** The mask that `expr` is, in a place where a mask is wanted. */
export function maskOf(body: Body, expr: Expr): MaskValue | undefined {
  const value = evaluate(body, expr);
  if (value.kind === "mask") return value;
  if (value.kind !== "unknown") {
    body.report({
      severity: "error",
      code: "mask/boolean",
      message: `a mask is wanted here, this is ${describe(value)}`,
      at: { span: expr.span, note: "" },
      also: [],
      hint: "name a mask, such as `causal`, or call one, such as `window(128)`",
    });
  }
  return undefined;
}
