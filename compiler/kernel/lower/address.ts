/** Where an element of a value lies in its memory: row-major, or a slot of a cache. */

import { pageTable } from "../../../runtime/contract.ts";
import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import { constant } from "../../op/dimension.ts";
import type { OpOf } from "../../op/op.ts";
import * as build from "../build.ts";
import { type Affine, affineOf, plus, times } from "./affine.ts";
import type { Context, Coordinates } from "./context.ts";
import { divideIndex } from "./divide-index.ts";

/** The offset of the element of `value` at `at`; a row of a ring or of a page is its slot. */
export function addressOf(context: Context, value: ValueId, at: Coordinates): Affine {
  const { op, type } = nodeAt(context.graph, value);
  if (op.kind !== "append") return context.offset(type, at);
  const row = at.get(op.into);
  invariant(row !== undefined, `lowering: no coordinate for the axis ${op.into}`);
  const slot = slotOf(context, op, row);
  return context.offset(type, new Map([...at, [op.into, slot]]));
}

function slotOf(context: Context, { ring, pages }: OpOf<"append">, row: Affine): Affine {
  if (pages !== undefined) {
    const { quotient, remainder } = divideIndex(context, row, constant(pages));
    const table = context.buffer({ kind: "state", name: pageTable }, "int", "read", "pages");
    const page = build.load(table, context.emit(quotient), build.i32);
    return plus(times(affineOf(context.opaque(page)), constant(pages)), remainder);
  }
  return ring === undefined ? row : divideIndex(context, row, constant(ring)).remainder;
}
