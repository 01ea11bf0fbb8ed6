/** Where an element of a value lies in its memory: row-major, or a slot of a cache that forgets. */

import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import { constant } from "../../op/dimension.ts";
import type { Affine } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { divideIndex } from "./divide-index.ts";

/** The offset of the element of `value` at `at`; a row of a ring is its slot. */
export function addressOf(context: Context, value: ValueId, at: Coordinates): Affine {
  const { op, type } = nodeAt(context.graph, value);
  if (op.kind !== "append" || op.ring === undefined) return context.offset(type, at);
  const row = at.get(op.into);
  invariant(row !== undefined, `lowering: no coordinate for the axis ${op.into}`);
  const { remainder } = divideIndex(context, row, constant(op.ring));
  return context.offset(type, new Map([...at, [op.into, remainder]]));
}
