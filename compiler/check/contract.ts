/** `a @ b`: the sum of products over the axes that both sides have. */

import type { Span } from "../../grammar/source.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { AxisName } from "../op/axis.ts";
import { adapted, adaptersOf, mergedInto } from "./adapt.ts";
import { type Body, demand, fail } from "./context.ts";
import type { Operand } from "./elementwise.ts";
import { emit } from "./emit.ts";
import { showAxes, showAxis } from "./labels.ts";
import { isIndexed, shownAs, storedBehind } from "./stored.ts";
import { describe, type Tensor, unknown, type Value } from "./value.ts";

/** Contracts every shared axis; each must have a constant size, so that no batch is summed. */
export function contract(body: Body, left: Operand, right: Operand, sign: Span, span: Span): Value {
  const a = floats(body, left);
  const b = floats(body, right);
  if (a === undefined || b === undefined) return unknown;
  const over = a.axes.filter((axis) => b.axes.includes(axis));
  if (over.length === 0) return nothingShared(body, { ...left, value: a }, { ...right, value: b });
  for (const axis of over) {
    const isFixed = demand(body, { kind: "fixed", size: body.axes.size(axis) }, () =>
      runtimeAxis(body, axis, { ...left, value: a }, { ...right, value: b }, sign),
    );
    if (!isFixed) return unknown;
  }
  return contractOver(body, a, b, over, span);
}

/** `sum(a * b over …)`, with what adapters add where one of them is a stored tensor. */
export function contractOver(
  body: Body,
  a: Tensor,
  b: Tensor,
  over: readonly AxisName[],
  span: Span,
): Tensor {
  const product = (left: Tensor, right: Tensor): Tensor =>
    emit(body, { kind: "contract", over }, [left, right], span);
  const onRight = body.mode === "instance" ? storedBehind(body, b) : undefined;
  const onLeft = body.mode === "instance" && !onRight ? storedBehind(body, a) : undefined;
  const stored = onRight ?? onLeft;
  const adapters = stored === undefined ? [] : adaptersOf(body, stored);
  if (stored === undefined || adapters.length === 0) return product(a, b);
  const merged = adapters.filter((adapter) => adapter.merged);
  const beside = adapters.filter((adapter) => !adapter.merged);
  let weight = onRight === undefined ? a : b;
  if (merged.length > 0) {
    const start = emit(body, { kind: "weight", name: stored.name }, [], span);
    const sum = merged.reduce(
      (all, adapter) => mergedInto(body, all, stored, adapter, over, span),
      start,
    );
    weight = shownAs(body, sum, stored, span);
  }
  const x = onRight === undefined ? b : a;
  const y = onRight === undefined ? product(weight, x) : product(x, weight);
  return beside.reduce((sum, each) => adapted(body, sum, x, stored, each, over, span), y);
}

/** `sum(a * b over …)` where rows of a weight are chosen by an index: a product like any other. */
export function indexedProduct(
  body: Body,
  x: Tensor,
  over: readonly AxisName[],
  span: Span,
): Tensor | undefined {
  if (body.mode === "generic" || x.element !== "float") return undefined;
  const { op, args } = body.graph.nodeOf(x.id);
  if (op.kind !== "map" || op.fn !== "multiply") return undefined;
  const [a, b] = args.map((id): Tensor => ({ kind: "tensor", id, ...body.graph.typeOf(id) }));
  if (a === undefined || b === undefined) return undefined;
  const isIndexedWeight = (each: Tensor): boolean => {
    const stored = storedBehind(body, each);
    return stored !== undefined && isIndexed(stored);
  };
  if (!isIndexedWeight(a) && !isIndexedWeight(b)) return undefined;
  const isShared = over.every((axis) => a.axes.includes(axis) && b.axes.includes(axis));
  const isFixed = over.every((axis) => body.isRuntime(body.axes.size(axis)) === false);
  return isShared && isFixed ? contractOver(body, a, b, over, span) : undefined;
}

function floats(body: Body, operand: Operand): Tensor | undefined {
  const { value, span } = operand;
  if (value.kind === "tensor" && value.element === "float") return value;
  if (value.kind === "unknown") return undefined;
  fail(body, "type/operator", {
    message: `\`@\` contracts two tensors of floats, this is ${describe(value)}`,
    at: { span, note: "" },
    hint: value.kind === "tensor" ? "convert it: `float(…)`" : "multiply by a number with `*`",
  });
  return undefined;
}

interface Side {
  readonly value: Tensor;
  readonly span: Span;
}

function nothingShared(body: Body, left: Side, right: Side): Value {
  const missing = right.value.axes.at(-1);
  const last = left.value.axes.at(-1);
  const project =
    missing === undefined || last === undefined
      ? "`*` multiplies by a scalar"
      : `project \`${showAxis(body, last)}\` to \`${showAxis(body, missing)}\` first, for example \`projected: ${showAxes(body, [...left.value.axes.slice(0, -1), missing])} = linear(…)\``;
  return fail(body, "shape/contraction", {
    message: "`@` finds no axis that both sides share",
    at: { span: right.span, note: showAxes(body, right.value.axes) },
    also: [{ span: left.span, note: showAxes(body, left.value.axes) }],
    hint: project,
  });
}

function runtimeAxis(
  body: Body,
  axis: string,
  left: Side,
  right: Side,
  sign: Span,
): ReturnType<typeof error> {
  const name = showAxis(body, axis);
  return error("shape/runtime-contraction", {
    message: `\`@\` would sum over \`${name}\`, whose size changes from run to run`,
    at: { span: sign, note: `both sides have \`${name}\`` },
    also: [
      { span: left.span, note: showAxes(body, left.value.axes) },
      { span: right.span, note: showAxes(body, right.value.axes) },
    ],
    hint: `if it is meant, write the sum: \`sum(a * b over ${name})\`; if not, rename one side: \`x[${name} as Other]\``,
  });
}
