/**
 * What a mask does to tiles of an attention: the keys between which a tile of query rows sees any,
 * and whether a tile of keys is seen at all, or whole. See `compiler/mask`.
 *
 * Positions rise with the row within a segment, so there the first and last row of a tile bound the
 * others; elsewhere, and for token data, a loop over the rows finds the smallest and largest.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt } from "../../graph/graph.ts";
import { rowsRise } from "../../graph/rising-rows.ts";
import type { Side } from "../../op/predicate.ts";
import { dataUses } from "../../op/replace-data.ts";
import { type Facts, keyLoops } from "../../mask/index.ts";
import { ofOneSequence } from "../../phase/attend-cells.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { assign, declare, loop, mutable } from "../statements.ts";
import { granuleSpan } from "./attend-granules.ts";
import { keyPlace, pairFacts, partAt, tableFor } from "./attend-pair.ts";
import type { Attention, PackedRows } from "./attend-rows.ts";
import { overRuns, type PeriodicKeys } from "./attend-runs.ts";
import type { Coordinates } from "./context.ts";
import { expressions, type TileRange, tileClass } from "./mask.ts";

/** The facts about some rows: their positions, and the data that a mask reads there. */
export interface RowRanges {
  /** Computes the ranges. */
  readonly statements: readonly Statement[];
  readonly position: TileRange;
  readonly data: ReadonlyMap<string, TileRange>;
}

/** Whether `queryRanges` reads every row: token data, or positions that do not rise. */
export function readsQueryRows({ context, op, args }: Attention): boolean {
  const masks = op.parts.map(({ mask }) => mask);
  if (masks.every(({ kind }) => kind === "constant")) return false;
  if (masks.some((mask) => dataUses(mask).some(([, side]) => side === "q"))) return true;
  return !rowsRise(context.graph, op.query, args.queryPosition, op.querySegment);
}

/** The ranges of the `count` packed rows from `first` on, for the masks of all parts. */
export function queryRanges(
  attention: Attention,
  rows: PackedRows,
  first: Expr,
  count: Expr,
): RowRanges {
  const { op, args, pack } = attention;
  const facts = (row: Expr) => {
    const place = rows.place(row);
    return pairFacts(attention, {
      ...{ part: 0, query: place, queryRow: rows.queryRow(row) },
      ...{ key: new Map(), keyRow: build.int(0) },
    });
  };
  const { graph } = attention.context;
  const isRising = rowsRise(graph, op.query, args.queryPosition, op.querySegment);
  const at = (row: Expr): Expr => build.add(first, row);
  const used = op.parts.flatMap((part) => dataUses(part.mask)).filter(([, side]) => side !== "k");
  const position = span(attention, "query_position", count, isRising, (row) =>
    facts(at(row)).position("q"),
  );
  const data = usesOf(used).map(([index, side]) => {
    // What is not read along the rows differs between the heads of a set at most.
    const values = side === "none" ? build.int(pack) : count;
    const range = span(attention, "query_data", values, false, (row) =>
      facts(at(row)).data(index, side),
    );
    return [keyOf(index, side), range] as const;
  });
  return merged(position, data);
}

/**
 * The ranges of the `count` key rows from `first` on, a multiple of `step`, of one part, for all heads
 * of the set.
 */
export function keyRanges(
  attention: Attention,
  part: number,
  rows: PackedRows,
  first: Expr,
  count: Expr,
  step: number,
): RowRanges {
  const { context, op, args, pack } = attention;
  const { mask } = partAt(attention, part);
  const facts = (row: Expr, head: Expr) =>
    pairFacts(attention, {
      ...{ part, query: rows.place(head), queryRow: build.int(0) },
      ...{ key: keyPlace(attention, part, rows.keyHeads, row), keyRow: row },
    });
  const at = (row: Expr): Expr => build.add(first, row);
  const used = dataUses(mask).filter(([, side]) => side === "k");
  const position = span(attention, "key_position", count, keysRise(attention, part), (row) =>
    facts(at(row), build.int(0)).position("k"),
  );
  const data = usesOf(used).map(([index, side]) => {
    const value = args.parts[part]?.data.get(index);
    invariant(value !== undefined, "lowering: the data of a mask");
    const { axes } = nodeAt(context.graph, value).type;
    const byHead = op.group !== undefined && axes.includes(op.group.query);
    const ofRow = (each: Expr): Expr =>
      byHead
        ? facts(at(build.quotient(each, pack)), build.remainder(each, pack)).data(index, side)
        : facts(at(each), build.int(0)).data(index, side);
    const values = byHead ? build.multiply(count, pack) : count;
    const range =
      granuleSpan(attention, { part, index, first, count, step }, rows.keyHeads) ??
      span(attention, "key_data", values, false, ofRow);
    return [keyOf(index, side), range] as const;
  });
  return merged(position, data);
}

/**
 * Whether a tile may hold a visible pair of a part, and whether all its pairs are visible; `heads`
 * are the coordinates that all its rows share.
 */
export function classOf(
  attention: Attention,
  part: number,
  queries: RowRanges,
  keys: RowRanges,
  heads: Coordinates,
): { readonly possible: Expr; readonly certain: Expr } {
  return tileClass(
    partAt(attention, part).mask,
    (side) => (side === "q" ? queries : keys).position,
    (index, side) => dataRange(side === "k" ? keys : queries, index, side),
    (index, places) => tableFor(attention, index, heads, places),
    factsOf(attention, part),
  );
}

/** Keys of a part, from row `from` on and before row `to`. */
interface KeyRows {
  readonly from: Expr;
  readonly to: Expr;
}

/** Groups that take the same rows, each another share of the keys. */
export interface KeyShares {
  /** The number of this group among them. */
  readonly share: Expr;
  readonly shares: Expr;
}

/** Rows that walk over the keys of a part. */
export interface KeyWalk {
  readonly attention: Attention;
  readonly rows: Pick<PackedRows, "keyHeads">;
  readonly queries: RowRanges;
  /** Keys of a tile. */
  readonly keys: number;
  /** Absent where the rows take all keys. */
  readonly split?: KeyShares | undefined;
}

/**
 * Walks the tiles of a part that the queries may see, in rising order and each once: `body` with the
 * variable `start`, a multiple of the tile, and the row that the walk ends before. The part has keys.
 */
export function overKeys(
  walk: KeyWalk,
  part: number,
  start: string,
  body: (end: Expr) => readonly Statement[],
): readonly Statement[] {
  const { attention, queries, rows: heads, keys: step, split } = walk;
  const { context } = attention;
  // Shares are of intervals: a run may be shorter than there are groups.
  const runsOf = split === undefined ? step : undefined;
  const found = keyRowsOf(attention, part, queries, heads.keyHeads, runsOf);
  const { statements, loops, periodic } = found;
  if (periodic !== undefined)
    return [...statements, ...overRuns(context, periodic, start, step, body)];
  const [only, ...more] = loops;
  if (only === undefined) return [];
  const down = (row: Expr): Expr => build.subtract(row, build.remainder(row, step));
  if (more.length === 0)
    return [...statements, ...shareOf(walk, { from: down(only.from), to: only.to }, start, body)];
  const [index, from, to, done] = ["interval", "from", "to", "done"].map((name) =>
    context.fresh(name),
  );
  invariant(index !== undefined && from !== undefined, "lowering: names");
  invariant(to !== undefined && done !== undefined, "lowering: names");
  const end = build.variable(to);
  // One loop over the intervals instead of one after another: its body is large.
  const chosen = (of: (rows: KeyRows) => Expr): Expr =>
    more.reduce(
      (before: Expr, each, i) =>
        build.select(build.less(build.variable(index), i + 1), before, of(each)),
      of(only),
    );
  return [
    ...statements,
    mutable(done, build.int(0)),
    loop(index, 0, loops.length, [
      declare(from, build.maximum(down(chosen((each) => each.from)), build.variable(done))),
      declare(
        to,
        chosen((each) => each.to),
      ),
      assign(done, build.maximum(build.variable(done), down(build.add(end, step - 1)))),
      ...shareOf(walk, { from: build.variable(from), to: end }, start, body),
    ]),
  ];
}

/** The loop over the group's share of some rows, all but the last of as many tiles. */
function shareOf(
  { attention, keys: step, split }: KeyWalk,
  { from, to }: KeyRows,
  start: string,
  body: (end: Expr) => readonly Statement[],
): readonly Statement[] {
  if (split === undefined) return [loop(start, from, to, body(to), step)];
  const { context } = attention;
  const [rows, first, end] = [
    context.fresh("share_rows"),
    context.fresh("share_from"),
    context.fresh("share_to"),
  ];
  const last = build.variable(end);
  const up = (value: Expr, by: Expr): Expr =>
    build.quotient(build.subtract(build.add(value, by), 1), by);
  const tiles = up(build.maximum(build.subtract(to, from), 0), build.int(step));
  return [
    declare(rows, build.multiply(up(tiles, split.shares), step)),
    declare(first, build.add(from, build.multiply(split.share, build.variable(rows)))),
    declare(end, build.minimum(to, build.add(build.variable(first), build.variable(rows)))),
    loop(start, build.variable(first), last, body(last), step),
  ];
}

function keyRowsOf(
  attention: Attention,
  part: number,
  queries: RowRanges,
  keyHeads: Coordinates,
  step: number | undefined,
): {
  readonly statements: readonly Statement[];
  readonly loops: readonly KeyRows[];
  readonly periodic?: PeriodicKeys;
} {
  const { context } = attention;
  const { mask, axis } = partAt(attention, part);
  const size = context.size(context.extent(axis));
  const isConstant = mask.kind === "constant";
  if (isConstant || !keysRise(attention, part))
    return { statements: [], loops: [{ from: build.int(0), to: size }] };
  const statements: Statement[] = [];
  const named = (value: Expr): Expr => {
    if (value.kind === "const" || value.kind === "var") return value;
    const name = context.fresh("bound");
    statements.push(declare(name, value));
    return build.variable(name);
  };
  const positionAt = (row: Expr): Expr => {
    const key = keyPlace(attention, part, keyHeads, row);
    const place = { part, query: keyHeads, queryRow: build.int(0), key, keyRow: row };
    return named(pairFacts(attention, place).position("k"));
  };
  const last = build.subtract(size, 1);
  const ends = { low: positionAt(build.int(0)), high: positionAt(last) };
  const data = (index: number, side: Side) => (side === "k" ? {} : dataRange(queries, index, side));
  const ranges = { q: queries.position, k: ends, data };
  const loops = keyLoops(mask, ranges, expressions, factsOf(attention, part), named, step);
  // Positions rise by one at least from row to row, so these rows hold the positions.
  const from = (low: Expr): Expr =>
    build.maximum(build.add(build.subtract(low, ends.high), last), 0);
  const to = (high: Expr): Expr =>
    build.maximum(build.minimum(build.add(build.subtract(high, ends.low), 1), size), 0);
  const runs = loops.find((each) => each.runs !== undefined)?.runs;
  if (runs !== undefined) return { statements, loops: [], periodic: { loops, runs, from, to } };
  const rows = loops.map(({ low, high }) => ({ from: named(from(low)), to: named(to(high)) }));
  return { statements, loops: rows };
}

function merged(
  position: RangeAndStatements,
  data: readonly (readonly [string, RangeAndStatements])[],
): RowRanges {
  return {
    statements: [position, ...data.map(([, each]) => each)].flatMap((each) => each.statements),
    position: position.range,
    data: new Map(data.map(([key, { range }]) => [key, range])),
  };
}

function keyOf(index: number, side: Side): string {
  return `${index} ${side}`;
}

function usesOf(uses: readonly (readonly [number, Side])[]): readonly (readonly [number, Side])[] {
  return [...new Map(uses.map((use) => [keyOf(...use), use])).values()];
}

function dataRange({ data }: RowRanges, index: number, side: Side): TileRange {
  const range = data.get(keyOf(index, side));
  invariant(range !== undefined, "lowering: the range of a mask's data");
  return range;
}

/** A range and what computes it. */
export interface RangeAndStatements {
  readonly range: TileRange;
  readonly statements: readonly Statement[];
}

/** The smallest and largest of `value(0)`, …, `value(count - 1)`; its ends if it is `rising`. */
function span(
  { context }: Attention,
  name: string,
  count: Expr,
  rising: boolean,
  value: (row: Expr) => Expr,
): RangeAndStatements {
  const isSingle = count.kind === "const" && count.value === 1;
  const [low, high] = [context.fresh(`${name}_low`), context.fresh(`${name}_high`)];
  const range = { low: build.variable(low), high: build.variable(high) };
  const first = value(build.int(0));
  if (rising || isSingle) {
    const last = isSingle ? first : value(build.subtract(count, 1));
    return { range, statements: [declare(low, first), declare(high, last)] };
  }
  const [row, each] = [context.fresh("row"), context.fresh(name)];
  const here = build.variable(each);
  return {
    range,
    statements: [
      mutable(low, first),
      mutable(high, range.low),
      loop(row, 1, count, [
        declare(each, value(build.variable(row))),
        assign(low, build.minimum(range.low, here)),
        assign(high, build.maximum(range.high, here)),
      ]),
    ],
  };
}

/** What is known of every row of the tile, whatever its position. */
function factsOf({ context, op }: Attention, index: number): Facts {
  const part = op.parts[index];
  return {
    shared: part !== undefined && ofOneSequence(context.graph, op.query, part.axis),
    ...(op.querySegment === undefined ? {} : { querySegment: op.querySegment }),
    ...(part?.segment === undefined ? {} : { keySegment: part.segment }),
  };
}

function keysRise(attention: Attention, index: number): boolean {
  const part = partAt(attention, index);
  const position = attention.args.parts[index]?.position;
  invariant(position !== undefined, "lowering: the positions of an attention's keys");
  return rowsRise(attention.context.graph, part.axis, position, part.segment);
}
