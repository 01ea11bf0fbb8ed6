/** Which parts of a join a slice reads. */

import type { GraphBuilder } from "../graph/build.ts";
import type { Node, ValueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import {
  asConstant,
  constant,
  type Dimension,
  equalDimensions,
  subtract,
  sumOf,
} from "../op/dimension.ts";
import type { OpOf } from "../op/op.ts";

/** Whether a slice takes every row. */
export function isWholeSlice(op: OpOf<"slice">, builder: GraphBuilder): boolean {
  const whole = equalDimensions(size(op.axis, builder), size(op.into, builder));
  return whole && equalDimensions(op.start, constant(0));
}

/**
 * The rows that the slice `op` takes of `joined`, without the join's other parts; undefined if
 * `joined` is no join along that axis, or if the sizes do not tell which parts hold the rows.
 */
export function partOf(
  op: OpOf<"slice">,
  joined: Node,
  node: Node,
  builder: GraphBuilder,
): ValueId | undefined {
  if (joined.op.kind !== "join" || joined.op.into !== op.axis) return undefined;
  const { parts } = joined.op;
  const end = sumOf([op.start, size(op.into, builder)]);
  const starts = startsOf(parts, builder);
  const first = starts.findIndex((start) => equalDimensions(start, op.start));
  const last = starts.findIndex((start, i) => i > first && equalDimensions(start, end));
  if (first >= 0 && last > first + 1) return fewerParts(op, joined, node, first, last, builder);
  for (const [i, part] of parts.entries()) {
    const start = starts[i];
    const arg = joined.args[i];
    if (start === undefined || arg === undefined) continue;
    const before = asConstant(subtract(op.start, start));
    const after = asConstant(subtract(sumOf([start, size(part, builder)]), end));
    if (before === undefined || after === undefined || before < 0 || after < 0) continue;
    // An operand without the axis is the same in every row; it would have to be repeated.
    if (!builder.typeOf(arg).axes.includes(part)) return undefined;
    if (before > 0 || after > 0)
      return builder.node(
        { kind: "slice", axis: part, start: constant(before), into: op.into },
        [arg],
        node.origin,
      );
    if (part === op.into) return arg;
    return builder.node({ kind: "rename", from: part, to: op.into }, [arg], node.origin);
  }
  return undefined;
}

function fewerParts(
  op: OpOf<"slice">,
  joined: Node,
  node: Node,
  first: number,
  last: number,
  builder: GraphBuilder,
): ValueId | undefined {
  if (joined.op.kind !== "join") return undefined;
  const parts = joined.op.parts.slice(first, last);
  return builder.node(
    { kind: "join", into: op.into, parts },
    joined.args.slice(first, last),
    node.origin,
  );
}

/** Where each part starts, and where the last one ends. */
function startsOf(parts: readonly AxisName[], builder: GraphBuilder): readonly Dimension[] {
  const starts = [constant(0)];
  let next = constant(0);
  for (const part of parts) {
    next = sumOf([next, size(part, builder)]);
    starts.push(next);
  }
  return starts;
}

function size(axis: AxisName, builder: GraphBuilder): Dimension {
  const found = builder.axis(axis);
  if (found === undefined) throw new RangeError(`the graph ${builder.name} has no axis ${axis}`);
  return found.size;
}
