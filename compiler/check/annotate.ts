/** Annotations: a written shape names the axes of a value, new ones included, or finds a mistake. */

import type { TypeExpr } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { productOf } from "../op/dimension.ts";
import { type Body, type ExpectedAxis, fail } from "./context.ts";
import { emit, rename, toTensor } from "./emit.ts";
import {
  distinctLabels,
  findAxis,
  newAxis,
  requireSize,
  type Shape,
  showAxes,
  showAxis,
} from "./labels.ts";
import { sizeOf } from "./number.ts";
import { describe, type Tensor, unknown, type Value } from "./value.ts";

/** What an annotation lets an expression expect. */
export function expectedOf(
  body: Body,
  type: TypeExpr | undefined,
): readonly ExpectedAxis[] | undefined {
  if (type?.kind !== "shape") return undefined;
  return type.axes.map(({ name }): ExpectedAxis => {
    const { labels, sizes } = body.scope;
    const axis = labels.get(name.text) ?? (sizes.has(name.text) ? findAxis(body, name) : undefined);
    return axis === undefined ? { label: name.text } : { label: name.text, axis };
  });
}

/** `value` under the annotation `type`. `span` is where the value is written. */
export function annotate(body: Body, value: Value, type: TypeExpr, span: Span): Value {
  if (value.kind === "unknown") return value;
  if (type.kind === "named") return annotateScalar(body, value, type, span);
  if (!distinctLabels(body, type)) return unknown;
  const tensor =
    value.kind === "number" && type.axes.length === 0 && type.element !== "bool"
      ? toTensor(body, value, type.element === "token" ? "int" : type.element, span)
      : value;
  if (tensor.kind !== "tensor") {
    return fail(body, "type/annotation", {
      message: `the annotation is a shape, this is ${describe(value)}`,
      at: { span, note: "" },
      also: [{ span: type.span, note: "" }],
      hint: "leave out the annotation",
    });
  }
  const element = type.element === "token" ? "int" : type.element;
  if (tensor.element !== element) {
    return fail(body, "type/annotation", {
      message: `the annotation says ${element}, this is ${tensor.element}`,
      at: { span, note: `${tensor.element}${showAxes(body, tensor.axes)}` },
      also: [{ span: type.span, note: element }],
      hint: `write \`${tensor.element}[…]\`, or convert the value`,
    });
  }
  return annotateAxes(body, tensor, type, span);
}

function annotateScalar(
  body: Body,
  value: Value,
  type: TypeExpr & { readonly kind: "named" },
  span: Span,
): Value {
  const { name } = type;
  if (value.kind === "number" && (name === "int" || name === "float")) {
    return toTensor(body, value, name, span);
  }
  if (value.kind === "number" && name === "number") return value;
  if (value.kind === "tensor" && value.axes.length === 0 && value.element === name) return value;
  if (value.kind === name) return value;
  return fail(body, "type/annotation", {
    message: `the annotation says \`${name}\`, this is ${describe(value)}`,
    at: { span, note: value.kind === "tensor" ? showAxes(body, value.axes) : "" },
    also: [{ span: type.span, note: "" }],
    hint:
      value.kind === "tensor"
        ? `write its shape: \`${showAxes(body, value.axes)}\``
        : "leave out the annotation",
  });
}

function annotateAxes(body: Body, value: Tensor, type: Shape, span: Span): Value {
  const extra = value.axes.length - type.axes.length;
  if (extra < 0 || (extra > 0 && !type.lifts)) return mismatch(body, value, type, span);
  let result = reordered(body, value, type, span);
  for (const [index, item] of type.axes.entries()) {
    const axis = result.axes[index + extra];
    if (axis === undefined) return unknown;
    const size = item.size === undefined ? undefined : sizeOf(body, item.size);
    if (
      size !== undefined &&
      !requireSize(body, item.span, item.name.text, body.axes.size(axis), size)
    ) {
      return unknown;
    }
    const named = nameAxis(body, result, axis, item.name.text, item.name.span);
    if (named === undefined) return mismatch(body, value, type, span);
    result = named;
  }
  return result;
}

/**
 * `value` with its axes in the order in which the annotation names them, those that it lifts over
 * first. Where it names others, `value` as it is.
 */
function reordered(body: Body, value: Tensor, type: Shape, span: Span): Tensor {
  const named = type.axes.map(({ name }) => body.scope.labels.get(name.text));
  const order = [...value.axes.filter((axis) => !named.includes(axis)), ...named];
  const wanted = order.filter((axis) => axis !== undefined);
  const isSame = wanted.every((axis, index) => axis === value.axes[index]);
  const isOrder = wanted.length === value.axes.length && named.every((axis) => axis !== undefined);
  if (isSame || !isOrder || !wanted.every((axis) => value.axes.includes(axis))) return value;
  // Both are views: elements are read where they are.
  const size = productOf(wanted.map((axis) => body.axes.size(axis)));
  const into = body.axes.intern({ label: "Elements", size }, new Set(value.axes));
  const flat = emit(body, { kind: "merge", axes: wanted, into }, [value], span, value.range);
  return emit(body, { kind: "split", axis: into, into: wanted }, [flat], span, value.range);
}

/** `value` with `axis` called `label` in this body; nothing if it has another name already. */
function nameAxis(
  body: Body,
  value: Tensor,
  axis: AxisName,
  label: string,
  span: Span,
): Tensor | undefined {
  const { labels, sizes, places, lifted } = body.scope;
  const bound = labels.get(label);
  if (bound === axis) return value;
  const isFree = !lifted.includes(axis) && ![...labels.values()].includes(axis);
  if (!isFree) return undefined;
  if (bound !== undefined) {
    if (value.axes.includes(bound)) return undefined;
    if (!requireSize(body, span, label, body.axes.size(axis), body.axes.size(bound))) return value;
    return rename(body, value, axis, bound, span);
  }
  const size = sizes.get(label);
  if (size !== undefined) {
    // The name is a dim: the axis is what the dim would have made.
    const own = newAxis(body, { text: label, span }, { label, size: body.axes.size(axis) });
    return rename(body, value, axis, own, span);
  }
  labels.set(label, axis);
  sizes.set(label, body.axes.size(axis));
  if (!places.has(label)) places.set(label, span);
  return value;
}

function mismatch(body: Body, value: Tensor, type: Shape, span: Span): Value {
  const written = type.axes.map((axis) => axis.name.text);
  const own = value.axes.map((axis) => showAxis(body, axis));
  return fail(body, "shape/annotation", {
    message: "the annotation does not have the axes of the value",
    at: { span, note: showAxes(body, value.axes) },
    also: [
      { span: type.span, note: `[${[...(type.lifts ? [".."] : []), ...written].join(", ")}]` },
    ],
    hint: `write ${showAxes(body, value.axes)}, or rename an axis: \`x[${own.at(-1) ?? "Axis"} as ${written.at(-1) ?? "Other"}]\``,
  });
}
