/** Expressions: what each form of the syntax tree is in a body. */

import type { Expr, Name } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import { unreachable } from "../../grammar/invariant.ts";
import { builtins } from "../elaborate/builtins.ts";
import { constant, symbol } from "../op/dimension.ts";
import { always } from "../op/predicate.ts";
import { asConstant } from "../op/dimension.ts";
import { callBlock } from "./call-block.ts";
import { known } from "./condition.ts";
import { type Body, evaluate, fail, report, type Use } from "./context.ts";
import { callFunction } from "./functions.ts";
import { join, replaceSegment, rowsOfSegment } from "./join.ts";
import { axisOf, findAxis, unknownAxis } from "./labels.ts";
import { asSize } from "./number.ts";
import { evaluateBinary, evaluateUnary } from "./operators.ts";
import { callRowFunction } from "./row-function.ts";
import { broken, selectItems } from "./select.ts";
import { describe, noFacts, realNumber, unknown, type Value, wholeNumber } from "./value.ts";
import { readWeight, unknownWeight } from "./weights.ts";

/** The value of an expression; `unknown` where a mistake in it was reported. */
export function evaluateExpression(body: Body, expr: Expr, use: Use): Value {
  switch (expr.kind) {
    case "missing":
      return unknown;
    case "number":
      return expr.integer ? wholeNumber(constant(expr.value)) : realNumber(expr.value);
    case "string":
      return { kind: "string", value: expr.value };
    case "boolean":
      return { kind: "boolean", condition: known(expr.value) };
    case "list": {
      const items = expr.items.map((item) => evaluate(body, item));
      return items.some((item) => item.kind === "unknown") ? unknown : { kind: "list", items };
    }
    case "name":
      return evaluateName(body, { text: expr.text, span: expr.span });
    case "member":
      return evaluateMember(body, expr);
    case "bracket":
      return evaluateBracket(body, expr, use);
    case "call":
      return evaluateCall(body, expr, use);
    case "join":
      return join(body, expr);
    case "with":
      return replaceSegment(body, expr, use);
    case "unary":
      return evaluateUnary(body, expr, use);
    case "binary":
      return evaluateBinary(body, expr, use);
    default:
      return unreachable(expr);
  }
}

function evaluateName(body: Body, name: Name): Value {
  const { values, sizes, weights, module } = body.scope;
  const value = values.get(name.text) ?? readWeight(weights.get(name.text));
  if (value !== undefined) return value;
  const size = sizes.get(name.text);
  if (size !== undefined) return wholeNumber(size);
  if (name.text === "all") {
    return { kind: "mask", predicate: always, ...noFacts, leaves: [name.span] };
  }
  const definition = module.names.get(name.text);
  if (definition?.kind === "unresolved") return unknown;
  if (definition?.kind === "mask" || definition?.kind === "score") {
    return callRowFunction(body, definition, [], name.span);
  }
  if (/^_*[A-Z]/.test(name.text) && definition === undefined) return capital(body, name);
  return unknownName(body, name, definition?.kind);
}

/** A capital name is the size of its axis. */
function capital(body: Body, name: Name): Value {
  if (body.scope.wanted.has(name.text)) {
    const axis = findAxis(body, name);
    if (axis !== undefined) return wholeNumber(body.axes.size(axis));
  }
  unknownAxis(body, name);
  return unknown;
}

function unknownName(body: Body, name: Name, kind: string | undefined): Value {
  const { values, weights, module, paths } = body.scope;
  if (kind !== undefined || builtins.has(name.text)) {
    return fail(body, "name/kind", {
      message: `\`${name.text}\` is a ${kind ?? "function"}, not a value`,
      at: { span: name.span, note: "" },
      hint:
        kind === "model" || kind === "alias"
          ? "give the name of a value"
          : `call it: \`${name.text}(…)\``,
    });
  }
  const candidates = [...values.keys(), ...weights.keys(), ...paths.keys(), ...module.names.keys()];
  report(
    body,
    error("name/unknown", {
      message: `nothing is called \`${name.text}\` here`,
      at: { span: name.span, note: "" },
      hint:
        didYouMean(name.text, candidates) ??
        (values.size === 0
          ? `bind it first: \`${name.text} = …\``
          : `bind it first, or use one of ${[...values.keys()]
              .slice(-6)
              .map((each) => `\`${each}\``)
              .join(", ")}`),
    }),
  );
  return unknown;
}

/** The words of a path that an expression may be, with indices put in; nothing if it is none. */
function pathKey(body: Body, expr: Expr): string | undefined {
  if (expr.kind === "name") return expr.text;
  if (expr.kind === "string") return expr.value;
  if (expr.kind === "member") {
    const target = pathKey(body, expr.target);
    return target === undefined ? undefined : `${target}.${expr.member.text}`;
  }
  if (expr.kind !== "bracket") return undefined;
  const [item, more] = expr.items;
  if (item?.kind !== "value" || more !== undefined) return undefined;
  const target = pathKey(body, expr.target);
  return target === undefined ? undefined : indexedKey(body, target, item.value);
}

function indexedKey(body: Body, target: string, index: Expr): string | undefined {
  if (index.kind === "name" && /^_*[A-Z]/.test(index.text)) {
    return `${target}.${body.scope.labels.get(index.text) ?? index.text}`;
  }
  const isNumber =
    index.kind === "number" ||
    (index.kind === "name" && body.scope.values.get(index.text)?.kind === "number");
  if (!isNumber && index.kind !== "binary") return undefined;
  const size = asSize(evaluate(body, index));
  return size === undefined ? undefined : `${target}.${asConstant(size) ?? `[${size.key}]`}`;
}

/** The word that an expression of dots and brackets begins with. */
function headOf(expr: Expr): Name | undefined {
  if (expr.kind === "name") return { text: expr.text, span: expr.span };
  return expr.kind === "member" || expr.kind === "bracket" ? headOf(expr.target) : undefined;
}

/** Whether an expression of dots can only be the path of a weight. */
function isPath(body: Body, expr: Expr): boolean {
  const head = headOf(expr);
  return head !== undefined && !body.scope.values.has(head.text) && !/^_*[A-Z]/.test(head.text);
}

function evaluateMember(body: Body, expr: Expr & { readonly kind: "member" }): Value {
  const { target, member, span } = expr;
  if (target.kind === "name" && /^_*[A-Z]/.test(target.text)) {
    const axis = axisOf(body, { text: `${target.text}.${member.text}`, span });
    return axis === undefined ? unknown : wholeNumber(body.axes.size(axis));
  }
  if (isPath(body, expr)) {
    const key = pathKey(body, expr);
    const found = key === undefined ? undefined : readWeight(body.scope.weights.get(key));
    return found ?? unknownPath(body, expr, key ?? member.text);
  }
  const value = evaluate(body, target);
  if (value.kind === "unknown") return value;
  if (value.kind === "tensor") return rowsOfSegment(body, value, member, target.span);
  return fail(body, "type/member", {
    message: `\`.${member.text}\` asks for rows of a tensor, this is ${describe(value)}`,
    at: { span: target.span, note: "" },
    hint: "write `x.text` for the text rows of `x`",
  });
}

/** A dotted name whose first word is nothing is a misspelt value, else a misspelt weight. */
function unknownPath(body: Body, expr: Expr & { readonly kind: "member" }, key: string): Value {
  const head = headOf(expr);
  const weights = [...body.scope.weights.keys()];
  const isNear = didYouMean(key, weights) !== undefined;
  if (
    !isNear &&
    head !== undefined &&
    didYouMean(head.text, body.scope.values.keys()) !== undefined
  ) {
    return evaluateName(body, head);
  }
  return unknownWeight(body, key, expr.span);
}

function evaluateBracket(body: Body, expr: Expr & { readonly kind: "bracket" }, use: Use): Value {
  if (isPath(body, expr)) {
    const key = pathKey(body, expr);
    const found = key === undefined ? undefined : readWeight(body.scope.weights.get(key));
    if (found !== undefined) return found;
  }
  const value = evaluate(body, expr.target, use.index === true ? { index: true } : {});
  if (value.kind === "unknown") return broken(body, expr.items);
  if (value.kind === "tensor") return selectItems(body, value, expr.items, expr.target.span);
  if (value.kind === "list") return listItem(body, value, expr);
  return fail(body, "type/index", {
    message: `${describe(value)} has no axes to index`,
    at: { span: expr.target.span, note: "" },
    hint: "index a tensor: `x[S = e]`",
  });
}

/** `numbers[l]`: an item of a compile-time list. */
function listItem(
  body: Body,
  list: Value & { readonly kind: "list" },
  expr: Expr & { readonly kind: "bracket" },
): Value {
  const [item] = expr.items;
  const size = item?.kind === "value" ? asSize(evaluate(body, item.value)) : undefined;
  // Of a formal nothing is known; a whole number is good wherever a number is.
  if (list.items === undefined) return wholeNumber(symbol("item"));
  const index = size === undefined ? undefined : asConstant(size);
  if (index === undefined)
    return body.mode === "generic" ? unknown : badItem(body, list.items.length, expr);
  return list.items[index] ?? badItem(body, list.items.length, expr);
}

function badItem(body: Body, count: number, expr: Expr): Value {
  return fail(body, "type/list", {
    message: `a list of ${count} is asked for another item`,
    at: { span: expr.span, note: "" },
    hint: `index it with 0 to ${count - 1}`,
  });
}

function evaluateCall(body: Body, expr: Expr & { readonly kind: "call" }, use: Use): Value {
  const { callee, span } = expr;
  const dims = callee.kind === "bracket" ? callee.items : [];
  const target = callee.kind === "bracket" ? callee.target : callee;
  if (target.kind === "missing") return unknown;
  if (target.kind !== "name") return notCallable(body, target);
  const name = { text: target.text, span: target.span };
  const definition = body.scope.module.names.get(name.text);
  if (definition?.kind === "unresolved") return unknown;
  if (definition?.kind === "block") {
    const call = { arguments: expr.arguments, span, dims, at: expr.at };
    return callBlock(body, definition, call, use);
  }
  if (definition?.kind === "mask" || definition?.kind === "score") {
    return callRowFunction(body, definition, expr.arguments, span);
  }
  const builtin = { name: name.text, arguments: expr.arguments, span, nameSpan: name.span };
  return callFunction(body, builtin, use) ?? unknownCallee(body, name, definition !== undefined);
}

function notCallable(body: Body, target: Expr): Value {
  return fail(body, "name/call", {
    message: "only blocks, masks, scores and functions are called",
    at: { span: target.span, note: "" },
    hint: "write a name before `(`",
  });
}

function unknownCallee(body: Body, name: Name, isModel: boolean): Value {
  const { module, values } = body.scope;
  if (isModel || values.has(name.text)) {
    return fail(body, "name/call", {
      message: `\`${name.text}\` is ${isModel ? "a model" : "a value"} and cannot be called`,
      at: { span: name.span, note: "" },
      hint: isModel ? "make a block of what both need" : "multiply with `*`, index with `[…]`",
    });
  }
  const blocks = [...module.names].flatMap(([each, { kind }]) =>
    kind === "block" || kind === "mask" || kind === "score" ? [each] : [],
  );
  const hint = didYouMean(name.text, [...blocks, ...builtins]);
  return fail(body, "name/unknown", {
    message: `there is no block or function \`${name.text}\``,
    at: { span: name.span, note: "" },
    hint: hint ?? `declare it, or import it: \`import { ${name.text} } from "…"\``,
  });
}
