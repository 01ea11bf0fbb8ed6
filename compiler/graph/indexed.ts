/** Products with stored tensors whose rows an index chooses, as experts are chosen. */

import type { AxisName } from "../op/axis.ts";
import type { Node, ValueId } from "./graph.ts";

/** An operand that shows, for each place of an index, a row of something that lies in memory. */
export interface Indexed {
  readonly source: ValueId;
  readonly index: ValueId;
  /** The axis of the source along which rows are chosen. */
  readonly axis: AxisName;
  /** The axes of the index. */
  readonly places: readonly AxisName[];
}

/** `id` as rows chosen by an index with axes; nothing if it is anything else. */
export function indexedRows(at: (id: ValueId) => Node, id: ValueId): Indexed | undefined {
  const { op, args } = at(id);
  const [source, index] = args;
  if (op.kind !== "select" || op.padded || source === undefined || index === undefined) {
    return undefined;
  }
  const places = at(index).type.axes;
  if (places.length === 0 || !isStored(at, source)) return undefined;
  return { source, index, axis: op.axis, places };
}

/** Whether a value is a weight, or what an earlier phase made of weights, perhaps under other names. */
function isStored(at: (id: ValueId) => Node, id: ValueId): boolean {
  const { op, args } = at(id);
  if (op.kind === "rename") return args.every((arg) => isStored(at, arg));
  return op.kind === "weight" || op.kind === "state";
}
