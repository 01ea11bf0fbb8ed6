/** Arguments of blocks, masks, scores and models: which goes to which formal, and what it is. */

import type { Argument, Expr, Name, Parameter } from "../../grammar/ast.ts";
import { didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import { symbol } from "../op/dimension.ts";
import { labelOf } from "./arguments.ts";
import { type Body, evaluate, fail, report } from "./context.ts";
import { placeholder } from "./emit.ts";
import { asReal, asSize } from "./number.ts";
import { maskOf } from "./predicate.ts";
import { describe, noFacts, realNumber, unknown, type Value, wholeNumber } from "./value.ts";
import { always } from "../op/predicate.ts";

/** A formal and what is given for it: an argument, else its default. */
export interface Given {
  readonly parameter: Parameter;
  readonly argument: Argument | undefined;
}

/** A thing with formals that is called. */
export interface Callee {
  readonly name: Name;
  readonly parameters: readonly Parameter[];
}

/** Gives each formal its argument; reports too many, unknown, repeated and missing ones. */
export function matchArguments(
  body: Body,
  callee: Callee,
  args: readonly Argument[],
  span: Span,
): readonly Given[] | undefined {
  const chosen = new Map<Parameter, Argument>();
  const positional = callee.parameters.values();
  for (const argument of args) {
    const parameter =
      argument.label === undefined
        ? positional.next().value
        : callee.parameters.find((each) => each.name.text === labelOf(argument));
    if (parameter === undefined || chosen.has(parameter)) {
      report(body, misplaced(callee, argument, parameter, span));
      return undefined;
    }
    chosen.set(parameter, argument);
  }
  const missing = callee.parameters.find((each) => !chosen.has(each) && each.value === undefined);
  if (missing !== undefined) {
    report(body, lacking(callee, missing, span));
    return undefined;
  }
  return callee.parameters.map((parameter) => ({ parameter, argument: chosen.get(parameter) }));
}

function misplaced(
  callee: Callee,
  argument: Argument,
  parameter: Parameter | undefined,
  span: Span,
): ReturnType<typeof error> {
  const name = callee.name.text;
  const label = labelOf(argument);
  const formals = callee.parameters.map((each) => each.name.text);
  const list = formals.length === 0 ? "nothing" : formals.map((each) => `\`${each}\``).join(", ");
  if (parameter !== undefined) {
    return error("call/label", {
      message: `\`${parameter.name.text}\` of \`${name}\` is given twice`,
      at: { span: argument.span, note: "" },
      hint: "leave one of them out",
    });
  }
  if (label === undefined) {
    return error("call/arguments", {
      message: `\`${name}\` takes ${list}, and here is one value more`,
      at: { span: argument.span, note: "" },
      also: [{ span: callee.name.span, note: "declared here" }],
      hint: "leave it out, or give it to a formal by name: `name = …`",
    });
  }
  return error("call/label", {
    message: `\`${name}\` has no parameter \`${label}\``,
    at: { span: argument.label?.span ?? span, note: "" },
    also: [{ span: callee.name.span, note: "declared here" }],
    hint: didYouMean(label, formals) ?? `it takes ${list}`,
  });
}

function lacking(callee: Callee, missing: Parameter, span: Span): ReturnType<typeof error> {
  return error("call/arguments", {
    message: `\`${callee.name.text}\` lacks its \`${missing.name.text}\``,
    at: { span, note: "" },
    also: [{ span: missing.span, note: "has no default" }],
    hint: `add \`${missing.name.text} = …\``,
  });
}

/**
 * The value of a formal that is no tensor: a mask, a score, a number, numbers, or a scalar. Defaults
 * are evaluated in `inner`, the scope of the declaration.
 */
export function plainValue(body: Body, inner: Body, given: Given): Value {
  const { parameter, argument } = given;
  const expr = argument?.value ?? parameter.value;
  if (expr === undefined) return unknown;
  const where = argument === undefined ? inner : body;
  const kind = parameter.type?.kind === "named" ? parameter.type.name : undefined;
  if (kind === "mask") return maskOf(where, expr) ?? unknown;
  const value = evaluate(where, expr);
  const fitted = asKind(value, kind);
  if (fitted === undefined) return wrongKind(where, value, kind, expr, parameter);
  recordConfig(body, fitted, parameter, expr.span);
  return fitted;
}

type Kind = "mask" | "score" | "number" | "numbers" | "int" | "float" | "bool" | "token";

/** The value as a formal of this kind takes it; nothing if it does not. */
function asKind(value: Value, kind: Kind | undefined): Value | undefined {
  if (value.kind === "unknown") return value;
  switch (kind) {
    case undefined:
      // A number without a type is a real one, so that `1 / theta` is a fraction.
      return value.kind === "number" ? realNumber(asReal(value)) : value;
    case "mask":
    case "score":
      return value.kind === kind ? value : undefined;
    case "number":
      return value.kind === "number" ? realNumber(asReal(value)) : undefined;
    case "numbers":
      return value.kind === "list" ? value : undefined;
    case "int": {
      const size = asSize(value);
      if (size !== undefined) return wholeNumber(size);
      return isScalar(value, "int") ? value : undefined;
    }
    case "float":
      if (value.kind === "number") return realNumber(asReal(value));
      return isScalar(value, "float") ? value : undefined;
    case "bool":
      return value.kind === "boolean" || isScalar(value, "bool") ? value : undefined;
    case "token":
      return isScalar(value, "int") ? value : undefined;
  }
}

function isScalar(value: Value, element: string): boolean {
  return value.kind === "tensor" && value.axes.length === 0 && value.element === element;
}

function wrongKind(
  body: Body,
  value: Value,
  kind: Kind | undefined,
  expr: Expr,
  parameter: Parameter,
): Value {
  return fail(body, "type/argument", {
    message: `\`${parameter.name.text}\` is declared as \`${kind ?? "number"}\`, this is ${describe(value)}`,
    at: { span: expr.span, note: "" },
    also: [{ span: parameter.span, note: "declared here" }],
    hint:
      kind === "score"
        ? "name a score, or call one, such as `softcap(30)`"
        : `give one of kind \`${kind ?? "number"}\``,
  });
}

/** Notes that a number must equal a key of the checkpoint's configuration, once. */
function recordConfig(body: Body, value: Value, parameter: Parameter, span: Span): void {
  if (parameter.from === undefined || value.kind !== "number") return;
  const number = asReal(value);
  if (number !== undefined) checkConfig(body, parameter.from.text, number, span);
}

/** Adds a check of `key` in the checkpoint's `config.json`, unless it is there. */
export function checkConfig(body: Body, key: string, value: number, span: Span): void {
  const id = `${key} ${value}`;
  if (body.mode === "generic" || body.configKeys.has(id)) return;
  body.configKeys.add(id);
  body.graph.addConfigCheck({ key, value, span });
}

/** What a formal that is no tensor is while its declaration is checked for all callers. */
export function rigidValue(body: Body, parameter: Parameter): Value {
  const name = parameter.name.text;
  if (parameter.type?.kind === "shape") return unknown;
  switch (parameter.type?.name) {
    case "mask":
      return { kind: "mask", predicate: always, ...noFacts, formals: [name] };
    case "score":
      return { kind: "score", score: { kind: "logit" }, ...noFacts, formals: [name] };
    case "number":
    case "float":
      return realNumber(undefined);
    case "int":
      return wholeNumber(symbol(name));
    case "numbers":
      return { kind: "list", items: undefined };
    case "bool":
      return { kind: "boolean", condition: { kind: "unknown" } };
    case "token":
      return placeholder(body, "int", [], parameter.span);
    case undefined:
      return rigidDefault(body, parameter);
  }
}

/** A formal with a default only: of the default's kind. */
function rigidDefault(body: Body, parameter: Parameter): Value {
  if (parameter.value === undefined) return realNumber(undefined);
  const value = evaluate(body, parameter.value);
  if (value.kind === "number") return realNumber(undefined);
  if (value.kind === "boolean") return { kind: "boolean", condition: { kind: "unknown" } };
  if (value.kind === "list") return { kind: "list", items: undefined };
  if (value.kind === "mask") return { ...value, predicate: always, formals: [parameter.name.text] };
  if (value.kind === "score") return { ...value, formals: [parameter.name.text] };
  return value;
}
