/** The range of a key tile's token data, read from the ranges of its granules. */

import { nodeAt } from "../../graph/graph.ts";
import { constant } from "../../op/dimension.ts";
import { granule } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";
import { assign, loop, mutable } from "../statements.ts";
import { affineOf, fixed } from "./affine.ts";
import type { RangeAndStatements } from "./attend-class.ts";
import type { Attention } from "./attend-rows.ts";
import type { Coordinates } from "./context.ts";
import { read } from "./read.ts";

/** Key rows of one part whose data use `index` is asked for. */
export interface DataRows {
  readonly part: number;
  readonly index: number;
  readonly first: Expr;
  readonly count: Expr;
  /** `first` is a multiple of it, and `count` is at most as much. */
  readonly step: number;
}

/** The range of the data of `rows`, if it was computed by granules and tiles are made of these. */
export function granuleSpan(
  { context, op, args }: Attention,
  { part, index, first, count, step }: DataRows,
  keyHeads: Coordinates,
): RangeAndStatements | undefined {
  const range = op.ranges?.[part]?.find((each) => each.index === index);
  const value = args.parts[part]?.ranges?.get(index);
  if (range === undefined || value === undefined || step % granule !== 0) return undefined;
  const { axes } = nodeAt(context.graph, value).type;
  const known = new Set([range.ends, range.granules, ...keyHeads.keys()]);
  // What differs between the query heads of a set has no one range.
  if (axes.some((axis) => !known.has(axis))) return undefined;
  const [low, high] = [context.fresh("key_data_low"), context.fresh("key_data_high")];
  const [below, above] = [build.variable(low), build.variable(high)];
  const end = (which: number, row: Expr): Expr => {
    const at = affineOf(context.opaque(row, context.extent(range.granules)));
    const ends = [range.ends, fixed(constant(which))] as const;
    return read(context, value, new Map([...keyHeads, ends, [range.granules, at]]));
  };
  const lowest = (row: Expr): Expr => build.subtract(-1, end(0, row));
  const start = build.quotient(first, granule);
  const granules = build.quotient(build.add(count, granule - 1), granule);
  const statements = [mutable(low, lowest(start)), mutable(high, end(1, start))];
  if (step > granule) {
    const next = context.fresh("granule");
    const row = build.add(start, build.variable(next));
    statements.push(
      loop(next, 1, granules, [
        assign(low, build.minimum(below, lowest(row))),
        assign(high, build.maximum(above, end(1, row))),
      ]),
    );
  }
  return { range: { low: below, high: above }, statements };
}
