/**
 * The row values of a product: what its results read of rows as a whole, like the scale of an RMS
 * norm. The reductions in it go over the inner axes, so the rows that the product reads give them.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { nodeAt, type ValueId } from "../../graph/graph.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, Statement } from "../kernel.ts";
import {
  across,
  assign,
  loop,
  mutable,
  storeArray,
  tile as declareTile,
  tileAssign,
  tileEach,
  tileReduce,
  when,
} from "../statements.ts";
import { lanesOf } from "../passes/legalize/tile-values.ts";
import type { Context } from "./context.ts";
import type { Product } from "./product.ts";
import type { TilePlace } from "./product-place.ts";
import { read } from "./read.ts";

/** Elements of a row that are added at once. */
const lanes = 4;

/** Invocations that share a row add up across themselves from so many on; fewer leave it to readers. */
const worthJoining = 8;

/** Row values in register tiles of one column. */
export interface RowTiles {
  /** Computes the tiles; needed once for all tiles of the same rows. */
  readonly statements: readonly Statement[];
  /** The row values, for `storeTile`. */
  readonly known: ReadonlyMap<ValueId, Expr>;
}

/** The row values of the `rows` rows of a tile at `place`, from `step` elements of a row at a time. */
export function rowTiles(
  context: Context,
  product: Product,
  place: TilePlace,
  rows: number,
  step: number = lanes,
): RowTiles {
  const statements: Statement[] = [];
  const reductions = new Map<ValueId, Expr>();
  for (const id of reductionsOf(context, product)) {
    const total = context.fresh("total");
    statements.push(...sumOfRows(context, product, place, { rows, step }, id, total));
    reductions.set(id, build.element(total));
  }
  return valuesOf(context, product, place, rows, { statements, totals: reductions });
}

/** The row values of a tile, from the sums of its rows. */
function valuesOf(
  context: Context,
  product: Product,
  place: TilePlace,
  rows: number,
  { statements, totals }: { statements: Statement[]; totals: ReadonlyMap<ValueId, Expr> },
): RowTiles {
  const reductions = new Map<ValueId, Expr>();
  for (const [id, total] of totals) {
    const { op } = nodeAt(context.graph, id);
    const mean = op.kind === "reduce" && op.fn === "mean";
    reductions.set(id, mean ? build.divide(total, build.real(product.inner)) : total);
  }
  const known = new Map<ValueId, Expr>();
  for (const id of product.rowValues) {
    const name = context.fresh(context.nameOf(id));
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    const value = read(context, id, place.row(build.variable(row)), reductions);
    statements.push(declareTile(name, rows, 1, value, row, column));
    known.set(id, build.element(name));
  }
  return { statements, known };
}

/** The reductions that row values are made of. */
export function reductionsOf(
  { graph, stored }: Context,
  { rowValues }: Product,
): readonly ValueId[] {
  const found = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (stored(id)) return;
    const { op, args } = nodeAt(graph, id);
    if (op.kind === "reduce") found.add(id);
    else for (const arg of args) visit(arg);
  };
  for (const id of rowValues) visit(id);
  return [...found];
}

/** Sums each row of a reduction's argument into the tile `total`, `step` elements at a time. */
function sumOfRows(
  context: Context,
  { inner }: Product,
  place: TilePlace,
  { rows, step }: { readonly rows: number; readonly step: number },
  reduction: ValueId,
  total: string,
): readonly Statement[] {
  const source = sourceOfReduction(context, reduction);
  const whole = inner - (inner % step);
  const add = (tile: string, start: string, columns: boolean): Statement => {
    const [row, column] = [context.fresh("row"), context.fresh("column")];
    const index = build.variable(start);
    const at = columns ? build.add(index, build.variable(column)) : index;
    const value = read(context, source, place.left(build.variable(row), at));
    return tileAssign(tile, build.add(build.element(tile), value), row, column);
  };
  const partial = context.fresh("partial");
  const [index, rest] = [context.fresh("k"), context.fresh("k")];
  const statements = [
    declareTile(partial, rows, step, 0),
    loop(index, 0, whole, [add(partial, index, true)], step),
    tileReduce(total, partial, "sum"),
  ];
  if (whole < inner) statements.push(loop(rest, whole, inner, [add(total, rest, false)]));
  return statements;
}

/** Row values that the invocations of a group compute together. */
export interface SharedRows {
  readonly arrays: readonly GroupArray[];
  /** What invocations do before the next barrier, for a block of rows at `place`. */
  readonly add: (place: TilePlace) => readonly Statement[];
  /** After a barrier, the values of a tile at `place`; `line` gives the block's row of a tile's. */
  readonly tiles: (place: TilePlace, rows: number, line: (row: Expr) => Expr) => RowTiles;
}

/**
 * The row values of blocks of `rows` rows, of which each has as many invocations. They take four
 * elements at a time where each holds tiles of its own; the inner index is a multiple of four then.
 */
export function sharedRows(
  context: Context,
  product: Product,
  rows: number,
  invocations: number,
  holder: "invocation" | "warp",
): SharedRows {
  const sharers = invocations / rows;
  const step = holder === "warp" ? 1 : lanes;
  const line = build.quotient(build.invocation, sharers);
  const first = build.multiply(build.remainder(build.invocation, sharers), step);
  const joins = holder === "invocation" && sharers >= worthJoining;
  const sums = rowSums(context, product, joins ? 1 : sharers, joins ? rows : invocations);
  const share = ([id, array]: readonly [ValueId, string], place: TilePlace) => {
    const k = context.fresh("k");
    const value = (offset?: Expr): Expr => {
      const at = build.variable(k);
      const inner = offset === undefined ? at : build.add(at, offset);
      return read(context, sourceOfReduction(context, id), place.left(line, inner));
    };
    const isFirst = build.equal(build.remainder(build.invocation, sharers), 0);
    const keep = (total: Expr): Statement =>
      joins
        ? when(isFirst, [storeArray(array, line, total)])
        : storeArray(array, build.invocation, total);
    const { start, add, finish } =
      holder === "warp"
        ? inVariable(context, value, keep)
        : inTile(context, value, joins ? sharers : 1, keep);
    return [...start, loop(k, first, product.inner, add, step * sharers), ...finish];
  };
  return { ...sums, add: (place) => [...sums.names].flatMap((each) => share(each, place)) };
}

/** How a sum comes about: what is before, in each round and after. */
interface Summing {
  readonly start: readonly Statement[];
  readonly add: readonly Statement[];
  readonly finish: readonly Statement[];
}

type ReadAt = (offset?: Expr) => Expr;

/** One element a round. */
function inVariable(context: Context, value: ReadAt, keep: (total: Expr) => Statement): Summing {
  const partial = context.fresh("partial");
  const sum = build.variable(partial, build.f32);
  return {
    start: [mutable(partial, build.real(0))],
    add: [assign(partial, build.add(sum, value()))],
    finish: [keep(sum)],
  };
}

/** Four elements a round, in a register tile; then what `sharers` invocations have together. */
function inTile(
  context: Context,
  value: ReadAt,
  sharers: number,
  keep: (total: Expr) => Statement,
): Summing {
  const [partial, total] = [context.fresh("partial"), context.fresh("total")];
  const [row, column] = [context.fresh("row"), context.fresh("column")];
  const sum = build.add(build.element(partial), value(build.variable(column)));
  const joined = sharers === 1 ? total : context.fresh("total");
  const kept = [keep(build.element(joined))];
  return {
    start: [declareTile(partial, 1, lanes, 0)],
    add: [tileAssign(partial, sum, row, column)],
    finish: [
      tileReduce(total, partial, "sum"),
      ...(sharers === 1 ? [] : [across(joined, total, "sum", sharers)]),
      tileEach(joined, context.fresh("row"), context.fresh("column"), kept),
    ],
  };
}

/** Arrays of `length` shares, of which `sharers` beside each other are a row's. */
function rowSums(
  context: Context,
  product: Product,
  sharers: number,
  length: number,
): Pick<SharedRows, "arrays" | "tiles"> & { readonly names: ReadonlyMap<ValueId, string> } {
  const names = new Map(
    reductionsOf(context, product).map((id) => [id, context.fresh("row_sums")] as const),
  );
  return {
    names,
    arrays: [...names.values()].map((name) => ({ name, element: "f32", length })),
    tiles: (place, count, lineOf) => {
      const statements: Statement[] = [];
      const totals = new Map<ValueId, Expr>();
      for (const [id, array] of names) {
        const [total, sharer] = [context.fresh("total"), context.fresh("sharer")];
        const [row, column] = [context.fresh("row"), context.fresh("column")];
        const start = build.multiply(lineOf(build.variable(row)), sharers);
        const part = build.loadArray(array, build.add(start, build.variable(sharer)));
        const step = tileAssign(total, build.add(build.element(total), part), row, column);
        statements.push(declareTile(total, count, 1, 0), loop(sharer, 0, sharers, [step]));
        totals.set(id, build.element(total));
      }
      return valuesOf(context, product, place, count, { statements, totals });
    },
  };
}

/** Row values that are summed while the rows go through the registers of invocations. */
export interface StagedRows extends Pick<SharedRows, "arrays" | "tiles"> {
  /** Declares what sums are gathered in. */
  readonly start: readonly Statement[];
  /** Takes four elements of a row in, from inner index `inner` on: part of an invocation's piece. */
  readonly add: (piece: number, row: Expr, inner: Expr) => readonly Statement[];
  /** What invocations do before the barrier that `tiles` needs. */
  readonly finish: readonly Statement[];
}

/** The row values of rows at `place`, each cut in pieces that invocations take in turn. */
export function stagedRows(
  context: Context,
  product: Product,
  place: TilePlace,
  pieces: {
    readonly count: number;
    readonly perRow: number;
    readonly perInvocation: number;
    readonly invocations: number;
  },
): StagedRows {
  const { count, perRow, perInvocation, invocations } = pieces;
  const { names, ...sums } = rowSums(context, product, perRow, count);
  const partials = [...names].map(([id, array]) => ({
    source: sourceOfReduction(context, id),
    array,
    partials: Array.from({ length: perInvocation }, () => context.fresh("partial")),
  }));
  const start = partials.flatMap((each) =>
    each.partials.map((name) => mutable(name, build.real(0))),
  );
  const finish = partials.flatMap((each) =>
    each.partials.map((name, piece) => {
      const index = build.add(build.int(piece * invocations), build.invocation);
      const stored = storeArray(each.array, index, build.variable(name, build.f32));
      const isWhole = (piece + 1) * invocations <= count;
      return isWhole ? stored : when(build.less(index, count), [stored]);
    }),
  );
  return {
    ...sums,
    start,
    finish,
    add: (piece, row, inner) =>
      partials.flatMap((each) => {
        const [name, lane] = [each.partials[piece], context.fresh("lane")];
        invariant(name !== undefined, "lowering: a sum for each piece");
        const at = build.add(inner, build.variable(lane));
        const four = build.withLanes(
          lanesOf(read(context, each.source, place.left(row, at)), lane),
          4,
        );
        const [x, y, z, w] = ([0, 1, 2, 3] as const).map((index) => build.lane(four, index));
        invariant(x !== undefined && y !== undefined, "lowering: four lanes");
        invariant(z !== undefined && w !== undefined, "lowering: four lanes");
        const sum = build.add(build.add(x, y), build.add(z, w));
        return [assign(name, build.add(build.variable(name, build.f32), sum))];
      }),
  };
}

function sourceOfReduction({ graph }: Context, reduction: ValueId): ValueId {
  const [source] = nodeAt(graph, reduction).args;
  invariant(source !== undefined, "lowering: a reduction has an argument");
  return source;
}
