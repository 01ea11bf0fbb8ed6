/** What `prompt` and `extend` share: the rows of caches, and the row that leaves. */

import { invariant } from "../../grammar/invariant.ts";
import type { GraphBuilder } from "../graph/build.ts";
import type { Origin, ValueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import { add, constant, subtract, symbol } from "../op/dimension.ts";
import { past } from "../phase/phase.ts";
import { zerosOf } from "./zeros.ts";

/** The name of the output of `extend` and `prompt` that holds the next token's logits. */
export const logitsOutput = "logits";

/** The name of the output beside it that is the greedy choice of that token. */
export const tokenOutput = "token";

/** The cache that holds 1 for each given row. */
export const givenCache = "given";

/**
 * Adds what leaves of `logits`, which have rows `rows`: the last row, and the token that is chosen where
 * nothing is left to chance, so that nobody need fetch the logits for it.
 */
export function addChoice(builder: GraphBuilder, logits: ValueId, rows: AxisName): void {
  const last = lastRow(builder, logits, rows);
  builder.addOutput(logitsOutput, last);
  const over = builder.typeOf(logits).axes.filter((axis) => axis !== rows);
  const origin = { ...builder.nodeOf(last).origin, name: tokenOutput };
  builder.addOutput(
    tokenOutput,
    builder.node({ kind: "reduce", fn: "greedy", over }, [last], origin),
  );
}

/** Adds the axis of the last of the rows `rows`, and slices it. */
function lastRow(builder: GraphBuilder, value: ValueId, rows: AxisName): ValueId {
  const axis = builder.axis(rows);
  invariant(axis !== undefined, `there is no axis ${rows}`);
  const size = constant(1);
  const lineage = { kind: "own" } as const;
  const into = builder.addFreshAxis({ label: `${axis.label}.last`, size, lineage, segments: [] });
  const start = subtract(axis.size, constant(1));
  return builder.node(
    { kind: "slice", axis: rows, start, into },
    [value],
    builder.nodeOf(value).origin,
  );
}

/** `value` with the axis `from` first and called `to`: how rows lie in a cache. */
export function asCacheRows(
  builder: GraphBuilder,
  value: ValueId,
  from: AxisName,
  to: AxisName,
  origin: Origin,
): ValueId {
  const rows = renamedBack(builder, value, from, to, origin);
  const { axes, element } = builder.typeOf(rows);
  if (axes[0] === to) return rows;
  // An elementwise result has the axes of its first operand in their order.
  const order = [to, ...axes.filter((axis) => axis !== to)];
  const zeros = zerosOf(builder, { element, axes: order }, origin);
  return builder.node({ kind: "map", fn: "add" }, [zeros, rows], origin);
}

function renamedBack(
  builder: GraphBuilder,
  value: ValueId,
  from: AxisName,
  to: AxisName,
  origin: Origin,
): ValueId {
  if (from === to) return value;
  const { op, args } = builder.nodeOf(value);
  const [source] = args;
  if (op.kind === "rename" && op.from === to && op.to === from && source !== undefined)
    return source;
  return builder.node({ kind: "rename", from, to }, [value], origin);
}

/** The axis of the rows that a cache of `rows` holds after a call. */
export function addCacheAxis(builder: GraphBuilder, rows: AxisName): AxisName {
  const axis = builder.axis(rows);
  invariant(axis !== undefined, `there is no axis ${rows}`);
  const size = add(symbol(past), axis.size);
  const lineage = { kind: "selected", from: rows } as const;
  return builder.addFreshAxis({ label: `${axis.label}.all`, size, lineage, segments: [] });
}
