/** `a = e`, `a: [S, K] = e`, `values, indices = top(…)`, and dims: `Half = E / 2`. */

import type { BindTarget, Statement } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import { annotate, expectedOf } from "./annotate.ts";
import { type Body, evaluate, fail, type Use } from "./context.ts";
import { breakLabel } from "./labels.ts";
import { measuredCall, measuredSize } from "./measured.ts";
import { sizeOf } from "./number.ts";
import { describe, unknown, type Value } from "./value.ts";

type Bind = Statement & { readonly kind: "bind" };

/** Binds the names on the left; a name may be bound again, to a value of any shape. */
export function bind(body: Body, statement: Bind): void {
  const { targets, value } = statement;
  const [first, more] = targets;
  if (first === undefined) return;
  if (more === undefined && /^_*[A-Z]/.test(first.name.text)) bindDim(body, first, statement);
  else if (more === undefined) {
    const result = evaluate(body, value, useOf(body, first));
    bindTarget(body, first, single(body, result, value.span), value.span);
  } else {
    const result = evaluate(body, value, useOf(body, first));
    bindSeveral(body, targets, result, value.span);
  }
}

function useOf(body: Body, target: BindTarget): Use {
  const expected = expectedOf(body, target.type);
  return expected === undefined ? {} : { expected, outer: true };
}

function bindDim(body: Body, target: BindTarget, { value }: Bind): void {
  const call = measuredCall(value);
  const size = call === undefined ? sizeOf(body, value) : measuredSize(body, target.name, call);
  const { text, span } = target.name;
  body.scope.labels.delete(text);
  body.scope.places.set(text, span);
  body.scope.sizes.delete(text);
  if (size !== undefined) body.scope.sizes.set(text, size);
  else breakLabel(body, text);
}

function single(body: Body, value: Value, span: Span): Value {
  if (value.kind !== "several") return value;
  return fail(body, "type/several", {
    message: `this gives ${value.values.length} values, and one name is there for them`,
    at: { span, note: "" },
    hint: "name them all: `a, b = …`",
  });
}

function bindSeveral(body: Body, targets: readonly BindTarget[], value: Value, span: Span): void {
  const values = value.kind === "several" ? value.values : [];
  if (value.kind !== "unknown" && values.length !== targets.length) {
    fail(body, "type/several", {
      message: `${targets.length} names stand here for ${value.kind === "several" ? `${values.length} values` : describe(value)}`,
      at: { span, note: "" },
      hint: values.length < 2 ? "write one name" : `write ${values.length} names`,
    });
  }
  const fits = values.length === targets.length;
  for (const [index, target] of targets.entries()) {
    bindTarget(body, target, fits ? (values[index] ?? unknown) : unknown, span);
  }
}

function bindTarget(body: Body, target: BindTarget, value: Value, span: Span): void {
  const { name, type } = target;
  const bound = type === undefined ? value : annotate(body, value, type, span);
  body.scope.places.set(name.text, name.span);
  if (bound.kind === "unknown" && type?.kind === "shape") {
    for (const axis of type.axes) breakLabel(body, axis.name.text);
  }
  const shadowed = body.scope.module.names.get(name.text);
  if (shadowed !== undefined && shadowed.kind !== "unresolved") {
    fail(body, "name/shadows", {
      message: `\`${name.text}\` is the name of a ${shadowed.kind} here`,
      at: { span: name.span, note: "" },
      also: [{ span: shadowed.declaration.name.span, note: "declared here" }],
      hint: `choose another name, such as \`${name.text}_value\``,
    });
  }
  body.scope.values.set(name.text, bound);
  if (bound.kind === "tensor") body.graph.nameValue(bound.id, name.text);
}
