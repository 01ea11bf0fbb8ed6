/** Nodes as values: appends to the graph, finds equal nodes again, and turns numbers into tensors. */

import type { Span } from "../../grammar/source.ts";
import type { Origin } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, type Dimension, symbol } from "../op/dimension.ts";
import type { Op } from "../op/op.ts";
import type { Element } from "../op/type.ts";
import type { Body } from "./context.ts";
import { exactly, type Range } from "./range.ts";
import type { NumberValue, Tensor } from "./value.ts";

/**
 * The tensor that `op` of `args` is. Operations are pure, so an equal one is made once. `written`:
 * how an attention's mask is.
 */
export function emit(
  body: Body,
  op: Op,
  args: readonly Tensor[],
  span: Span,
  range?: Range | "tokens",
  written: Pick<Origin, "mask" | "data"> = {},
): Tensor {
  const key = `${keyOf(op)} ${args.map((arg) => arg.id).join(" ")}`;
  const found = body.shared.get(key);
  if (found !== undefined) return found;
  const ids = args.map((arg) => arg.id);
  const id = body.graph.node(op, ids, { ...originOf(body, span), ...written });
  const { element, axes } = body.graph.typeOf(id);
  const tensor: Tensor = { kind: "tensor", id, element, axes, ...(range ? { range } : {}) };
  body.shared.set(key, tensor);
  return tensor;
}

/** An operation as text; equal ones have equal text. Short for those that occur most. */
function keyOf(op: Op): string {
  switch (op.kind) {
    case "map":
      return op.fn;
    case "contract":
      return `@ ${op.over.join()}`;
    case "reduce":
      return `reduce ${op.fn} ${op.over.join()}`;
    case "constant":
      return `constant ${op.element} ${op.value}`;
    case "weight":
      return `weight ${op.name}`;
    default:
      return JSON.stringify(op);
  }
}

/**
 * A tensor of which only the type is known: what a call gives while a body is checked for all. The
 * bounds of an int are symbols then, so that an instance decides what they allow.
 */
export function placeholder(
  body: Body,
  element: Element,
  axes: readonly AxisName[],
  span: Span,
): Tensor {
  const op: Op = { kind: "input", name: "", role: "tensor" };
  const type = { element, axes };
  const id = body.graph.append({ op, args: [], type, origin: originOf(body, span) });
  if (element !== "int") return { kind: "tensor", id, element, axes };
  const range = { low: symbol(`low of %${id}`), high: symbol(`high of %${id}`) };
  return { kind: "tensor", id, element, axes, range };
}

/** Where a node comes from. */
function originOf(body: Body, span: Span): Origin {
  const { prefix, instance } = body.scope;
  return { span, path: prefix[0] ?? "", ...(instance === undefined ? {} : { instance }) };
}

/** A compile-time number as a scalar of the graph. */
export function toTensor(body: Body, number: NumberValue, element: Element, span: Span): Tensor {
  if (number.whole) return sizeTensor(body, number.size, element, span);
  return constantTensor(body, number.value ?? 1, element, span);
}

/** One constant of the graph. */
function constantTensor(body: Body, value: number, element: Element, span: Span): Tensor {
  return emit(body, { kind: "constant", element, value }, [], span);
}

function sizeTensor(body: Body, size: Dimension, element: Element, span: Span): Tensor {
  const value = asConstant(size);
  const range = exactly(size);
  if (value !== undefined) {
    const op: Op = { kind: "constant", element, value };
    return emit(body, op, [], span, element === "int" ? range : undefined);
  }
  const int = emit(body, { kind: "size", size }, [], span, range);
  return element === "int" ? int : emit(body, { kind: "map", fn: "float" }, [int], span);
}

/** `tensor` with the axis `from` under the name `to`; the rows stay the same. */
export function rename(
  body: Body,
  tensor: Tensor,
  from: AxisName,
  to: AxisName,
  span: Span,
): Tensor {
  if (from === to || !tensor.axes.includes(from)) return tensor;
  return emit(body, { kind: "rename", from, to }, [tensor], span, tensor.range);
}
