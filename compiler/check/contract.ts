/** `a @ b`: the sum of products over the axes that both sides have. */

import type { Span } from "../../grammar/source.ts";
import { error } from "../../grammar/diagnostic.ts";
import { type Body, demand, fail } from "./context.ts";
import type { Operand } from "./elementwise.ts";
import { emit } from "./emit.ts";
import { showAxes, showAxis } from "./labels.ts";
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
  return emit(body, { kind: "contract", over }, [a, b], span);
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
