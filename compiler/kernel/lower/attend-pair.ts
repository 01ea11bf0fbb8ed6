/** One pair of a query row and a key row: whether it is visible, and what its logit is. */

import { invariant } from "../../../grammar/invariant.ts";
import { axisAt, nodeAt, type ValueId } from "../../graph/graph.ts";
import type { TablePlace } from "../../mask/index.ts";
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

/** The values that part `index` of the attention is computed from. */
export function partArguments(
  { args }: Attention,
  index: number,
): Attention["args"]["parts"][number] {
  const part = args.parts[index];
  invariant(part !== undefined, "lowering: the arguments of an attention's part");
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
  const part = partArguments(attention, at.part);
  const { axis: keyAxis, segment: keySegment } = partAt(attention, at.part);
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
    table: (index, places) => {
      const value = args.data.get(index);
      invariant(value !== undefined, "lowering: the table of a mask");
      return readTable(context, value, new Map([...at.query, ...at.key]), places);
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

/** A table where all heads that `heads` stand for have one number; undefined where they differ. */
export function tableFor(
  { context, args }: Pick<Attention, "context" | "args">,
  index: number,
  heads: Coordinates,
  places: readonly TablePlace<Expr>[],
): Expr | undefined {
  const value = args.data.get(index);
  invariant(value !== undefined, "lowering: the table of a mask");
  const known = new Set([...heads.keys(), ...places.map(({ axis }) => axis)]);
  const isShared = nodeAt(context.graph, value).type.axes.every((axis) => known.has(axis));
  return isShared ? readTable(context, value, heads, places) : undefined;
}

/** A table at places along its own axes, with `others` for the rest; 0 outside. */
export function readTable(
  context: Context,
  table: ValueId,
  others: Coordinates,
  places: readonly TablePlace<Expr>[],
): Expr {
  const inside = places.map(({ axis, at }) =>
    build.and(build.lessEqual(0, at), build.less(at, context.size(context.extent(axis)))),
  );
  // Nobody reads outside: the first place is there if any is.
  const isInside = build.and(...inside);
  const coordinates = places.map(({ axis, at }) => {
    const extent = context.extent(axis);
    const last = build.subtract(context.size(extent), 1);
    const safe = build.maximum(build.minimum(at, last), 0);
    return [axis, affineOf(context.opaque(safe, extent))] as const;
  });
  return build.select(isInside, read(context, table, new Map([...others, ...coordinates])), 0);
}
