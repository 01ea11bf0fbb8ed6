/**
 * Which stored tensor an operand shows: a weight under other axis names, or the rows of it that an
 * index chooses.
 */

import type { ValueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import type { OpOf } from "../op/op.ts";
import type { Body } from "./context.ts";
import { emit, rename } from "./emit.ts";
import type { Tensor } from "./value.ts";
import type { Span } from "../../grammar/source.ts";

/** A view of a stored tensor. */
export interface Stored {
  /** The weight's name in the graph. */
  readonly name: string;
  readonly axes: readonly AxisName[];
  readonly steps: readonly Step[];
}

type Step =
  | { readonly kind: "rename"; readonly from: AxisName; readonly to: AxisName }
  | { readonly kind: "select"; readonly op: OpOf<"select">; readonly index: Tensor };

/** The stored tensor that `tensor` shows, if it shows one. Nothing while a body is checked for all. */
export function storedBehind(body: Body, tensor: Tensor): Stored | undefined {
  const steps: Step[] = [];
  let id: ValueId = tensor.id;
  for (;;) {
    const { op, args, type } = body.graph.nodeOf(id);
    if (op.kind === "weight") return { name: op.name, axes: type.axes, steps: steps.reverse() };
    const [source, index] = args;
    if (source === undefined) return undefined;
    if (op.kind === "rename") steps.push({ kind: "rename", from: op.from, to: op.to });
    else if (op.kind === "select" && index !== undefined) {
      const { element, axes } = body.graph.typeOf(index);
      steps.push({ kind: "select", op, index: { kind: "tensor", id: index, element, axes } });
    } else return undefined;
    id = source;
  }
}

/** Whether rows of the stored tensor are chosen by an index with axes, as experts are. */
export function isIndexed({ steps }: Stored): boolean {
  return steps.some((step) => step.kind === "select" && step.index.axes.length > 0);
}

/** `tensor`, which has some axes of the stored tensor, shown as that one is shown. */
export function shownAs(body: Body, tensor: Tensor, { steps }: Stored, span: Span): Tensor {
  return steps.reduce((shown, step) => {
    if (step.kind === "rename") return rename(body, shown, step.from, step.to, span);
    return shown.axes.includes(step.op.axis)
      ? emit(body, step.op, [shown, step.index], span)
      : shown;
  }, tensor);
}

/** The axes under which an axis of the stored tensor is shown: its own, or those of an index. */
export function shownAxes({ steps }: Stored, axis: AxisName): readonly AxisName[] {
  return steps.reduce<readonly AxisName[]>(
    (axes, step) => {
      if (step.kind === "rename") return axes.map((each) => (each === step.from ? step.to : each));
      return axes.flatMap((each) => (each === step.op.axis ? step.index.axes : [each]));
    },
    [axis],
  );
}
