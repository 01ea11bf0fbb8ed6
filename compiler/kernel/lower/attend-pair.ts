/** One pair of a query row and a key row: whether it is visible, and what its logit is. */

import { invariant } from "../../../grammar/invariant.ts";
import { axisAt } from "../../graph/graph.ts";
import type { AxisName } from "../../op/axis.ts";
import { sumOf } from "../../op/dimension.ts";
import type { AttendPart } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";
import { affineOf } from "./affine.ts";
import type { Attention } from "./attend-rows.ts";
import type { Context, Coordinates } from "./context.ts";
import { type Pair, scoreOf, visible } from "./mask.ts";
import { read } from "./read.ts";

/** The places of a query row and of a key row of part `part`. */
export interface PairPlace {
  readonly part: number;
  readonly query: Coordinates;
  readonly queryRow: Expr;
  readonly key: Coordinates;
  readonly keyRow: Expr;
}

/** Part `index` of the attention. */
export function partAt({ op }: Attention, index: number): AttendPart {
  const part = op.parts[index];
  invariant(part !== undefined, `lowering: an attention has no part ${index}`);
  return part;
}

/** The coordinates of key row `row` of a part, with the heads `keyHeads`. */
export function keyPlace(
  attention: Attention,
  part: number,
  keyHeads: Coordinates,
  row: Expr,
): Coordinates {
  const { axis } = partAt(attention, part);
  const extent = attention.context.extent(axis);
  return new Map([...keyHeads, [axis, affineOf({ key: "key", expr: row, extent })]]);
}

/** Whether the pair is visible. */
export function isVisible(attention: Attention, at: PairPlace): Expr {
  return visible(partAt(attention, at.part).mask, pairFacts(attention, at));
}

/** The logit of a pair from its scaled product. */
export function logitOf(attention: Attention, product: Expr, at: PairPlace): Expr {
  const { context, op, args } = attention;
  if (op.score === undefined) return product;
  return scoreOf(op.score, product, pairFacts(attention, at), (index, axis, position) => {
    const value = args.data.get(index);
    invariant(value !== undefined, "lowering: the data of a score");
    const place = affineOf(context.opaque(position, context.extent(axis)));
    return read(context, value, new Map([...at.query, [axis, place]]));
  });
}

/** The facts of a pair, read at its place. */
export function pairFacts(attention: Attention, at: PairPlace): Pair {
  const { context, op, args } = attention;
  const part = args.parts[at.part];
  const { axis: keyAxis, segment: keySegment } = partAt(attention, at.part);
  invariant(part !== undefined, "lowering: the arguments of an attention's part");
  return {
    position: (side) =>
      side === "q"
        ? read(context, args.queryPosition, at.query)
        : read(context, part.position, at.key),
    data: (index, side) => {
      const value = side === "k" ? part.data.get(index) : args.data.get(index);
      invariant(value !== undefined, "lowering: the data of a mask");
      return read(context, value, new Map([...at.query, ...at.key]));
    },
    inSegment: (side, segment) => {
      const [own, axis, row] =
        side === "q" ? [op.querySegment, op.query, at.queryRow] : [keySegment, keyAxis, at.keyRow];
      return own === undefined
        ? rowInSegment(context, axis, row, segment)
        : build.boolean(own === segment);
    },
    given: (side) =>
      invariant(
        false,
        `lowering: \`${side} in given\` is decided before kernels are made`,
      ) as never,
  };
}

/** Whether a row of an axis lies in one of its segments. */
export function rowInSegment(context: Context, axis: AxisName, row: Expr, segment: string): Expr {
  const { segments } = axisAt(context.graph, axis);
  const index = segments.findIndex((each) => each.name === segment);
  if (index < 0) return build.boolean(false);
  const sizes = segments.map((each) => context.extent(each.axis));
  const start = sumOf(sizes.slice(0, index));
  const end = sumOf(sizes.slice(0, index + 1));
  return build.and(build.lessEqual(context.size(start), row), build.less(row, context.size(end)));
}
