/**
 * Attention by warps (Dao 2023, FlashAttention-2): a group takes packed query rows of one set, each
 * warp sixteen of them, and walks the keys of every part in tiles. Queries, keys and values come into
 * group memory; scores, output, maximum and sum stay in the warp's registers, and scores are the left
 * factor of the product with the values as they lie there. Of few query rows all warps take the same
 * sixteen, and sixteen keys each of every tile; what they found is put together at the end, in order.
 * Groups may share the keys of few rows, too (`attend-split.ts`).
 *
 * Values are copied while keys are multiplied, and the next tile's keys while values are. What the
 * next tile is may turn out otherwise: then its keys are copied when it comes.
 */

import type { Region } from "../../fusion/region.ts";
import { nodeAt } from "../../graph/graph.ts";
import { asConstant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import { type ArraySlice, type Expr, type Statement, type WarpMath, warpSize } from "../kernel.ts";
import { pieceLength } from "../memory.ts";
import {
  assign,
  barrier,
  commitCopies,
  declare,
  mutable,
  tileReduce,
  waitCopies,
  warpMultiply,
  when,
} from "../statements.ts";
import { queryRanges, type RowRanges } from "./attend-class.ts";
import { combineShares } from "./attend-combine.ts";
import { gatherShares } from "./attend-gather.ts";
import { type KeyTile, keyTileOf, walkPart } from "./attend-walk.ts";
import { storeWarpRows, storeWarpShare, type WarpRows } from "./attend-warps-store.ts";
import { logitOf } from "./attend-pair.ts";
import {
  type Attention,
  attendWork,
  attentionOf,
  mostPacked,
  type PackedRows,
  packedRows,
} from "./attend-rows.ts";
import { groupsOf, inShare, type OwnShare, startOfShare } from "./attend-split.ts";
import {
  asPower,
  depthColumn,
  fill,
  isMultiple,
  logitFactor,
  refill,
  type TileValue,
  valueColumn,
  weightOf,
} from "./attend-tiles.ts";
import type { Context, Coordinates } from "./context.ts";
import { read } from "./read.ts";
import { lowest } from "./reduce-group.ts";
import type { Lowered, Schedule } from "./schedule.ts";
import { type Staged, stage } from "./staging.ts";
import { factorElement, finishWarps, GroupMemory } from "./warps.ts";
import { type AttendBlock, attendBlock, blockFits } from "../schedule/attend-blocks.ts";
import { splitOf } from "../schedule/attend-splits.ts";

/** The kernel of a region whose root is an `attend` that gives its output or its log-sum-exp. */
export function warpAttend(context: Context, region: Region, schedule: Schedule): Lowered {
  const attention = attentionOf(context, region, mostPacked(schedule, 0));
  const { op, depth, width } = attention;
  const shape = attendBlock({ depth, width, parts: op.parts.length }, schedule);
  const { blocks: rowBlocks, tasks, ...work } = attendWork(attention, shape.rows, shape);
  const memory = new GroupMemory(context);
  const split = shape.splits ? splitOf(attention, rowBlocks, schedule) : undefined;
  const facts = {
    ...{ ...work, warps: shape.warps, registers: shape.registers, target: schedule.target },
    ...{ memory, groups: groupsOf(tasks, split) },
  };
  const lowered = finishWarps(context, facts, (group) =>
    inShare(attention, tasks, split, group, (task, own) => {
      const blocks = context.size(rowBlocks);
      const block = build.multiply(build.remainder(task, blocks), shape.rows);
      const first = context.fresh("first");
      const { math = "f32" } = schedule.target;
      const at = { set: build.quotient(task, blocks), first: build.variable(first), own };
      const walk = new Walk(attention, shape, math, memory, at);
      return [declare(first, block), ...walk.statements()];
    }),
  );
  if (split === undefined) return lowered;
  return { ...lowered, combine: combineShares(attention, split, schedule) };
}

/** Whether a group's queries and the smallest tile of keys and values fit into its memory. */
export function warpAttendFits(context: Context, region: Region, schedule: Schedule): boolean {
  const { op } = nodeAt(context.graph, region.root);
  if (op.kind !== "attend" || schedule.target.math === undefined) return false;
  const [depth = 1, width = 1] = [op.contracted, op.value].map((axis) =>
    asConstant(context.extent(axis)),
  );
  return blockFits({ depth, width, parts: op.parts.length }, schedule);
}

/** What a group takes: packed rows of a set from `first` on, and all of their keys or a share. */
interface Taken {
  readonly set: Expr;
  readonly first: Expr;
  readonly own: OwnShare | undefined;
}

/** One group's walk over the keys. */
class Walk {
  private readonly attention: Attention;
  private readonly context: Context;
  private readonly memory: GroupMemory;
  private readonly rows: PackedRows;
  private readonly set: Expr;
  private readonly first: Expr;
  private readonly share: OwnShare | undefined;
  private readonly block: AttendBlock;
  private readonly math: WarpMath;
  private readonly queries: RowRanges;
  private readonly tiles: WarpRows["tiles"];
  private readonly start: Statement[] = [];

  constructor(
    attention: Attention,
    block: AttendBlock,
    math: WarpMath,
    memory: GroupMemory,
    { set, first, own }: Taken,
  ) {
    const { context, rows } = attention;
    this.attention = attention;
    this.context = context;
    this.memory = memory;
    this.set = set;
    this.first = first;
    this.share = own;
    this.block = block;
    this.math = math;
    this.rows = packedRows(attention, set, block.rows);
    const left = build.subtract(context.size(rows), first);
    const count = isMultiple(rows, block.rows)
      ? build.int(block.rows)
      : build.minimum(left, block.rows);
    this.queries = queryRanges(attention, this.rows, first, count);
    this.tiles = this.startRows();
  }

  statements(): readonly Statement[] {
    const { attention, queries } = this;
    return [
      ...this.stage(this.queryMatrix()),
      commitCopies,
      ...this.start,
      ...queries.statements,
      ...attention.op.parts.flatMap((_, part) => this.part(part)),
      ...(this.block.splits ? this.gatherAndStore() : storeWarpRows(this.running)),
    ];
  }

  private stage(matrix: Staged): readonly Statement[] {
    return stage(this.context, matrix, this.block.warps * warpSize);
  }

  /** The first row of the warp. */
  private get own(): Expr {
    const { splits, warpRows } = this.block;
    if (splits) return this.first;
    return build.called("warp_row", build.add(this.first, build.multiply(build.warp, warpRows)));
  }

  /** The first of the warp's keys in a tile. */
  private get ownKey(): Expr {
    const { splits, warpKeys } = this.block;
    if (!splits) return build.int(0);
    return build.called("warp_key", build.multiply(build.warp, warpKeys));
  }

  private place(row: Expr): Coordinates {
    return this.rows.place(build.add(this.own, row));
  }

  private get running(): WarpRows {
    const { attention, block, rows, set, tiles } = this;
    return { attention, block, rows, set, first: this.own, tiles };
  }

  private startRows(): WarpRows["tiles"] {
    const { context, attention } = this;
    const { warpRows } = this.block;
    const out = this.start;
    const isFirst = this.block.splits ? build.equal(build.warp, 0) : undefined;
    const begin = (row: Expr) => startOfShare(attention, this.place(row), this.share, isFirst);
    return {
      maximum: fill(context, "maximum", warpRows, 1, (row) => begin(row).maximum, out),
      sum: fill(context, "sum", warpRows, 1, (row) => begin(row).sum, out),
      output:
        attention.op.result === "output"
          ? fill(context, "output", warpRows, this.block.width, () => build.real(0), out)
          : undefined,
    };
  }

  private matrix(role: string, rows: number, extent: number, value: TileValue): Staged {
    const element = factorElement(this.math);
    const columns = role === "values" ? this.block.width : this.block.depth;
    return {
      array: this.memory.array(role, element, columns, rows * columns),
      ...{ element, rows, columns, value },
      start: build.int(0),
      ...(extent === columns ? {} : { columnLimit: build.int(extent) }),
      wholePieces: extent % pieceLength(element) === 0,
    };
  }

  private queryMatrix(): Staged {
    const { attention, context } = this;
    const factor = build.real(logitFactor(attention));
    const { rows } = this.block;
    return this.matrix("queries", rows, attention.depth, (row, column) => {
      const at = this.rows.place(build.add(this.first, row));
      const place = new Map([...at, ...depthColumn(attention, column)]);
      return build.multiply(read(context, attention.args.query, place), factor);
    });
  }

  private keyMatrix(tile: KeyTile): Staged {
    const { attention, context } = this;
    const key = attention.args.parts[tile.part]?.key ?? attention.args.query;
    return this.matrix("keys", this.block.keys, attention.depth, (row, column) =>
      read(context, key, new Map([...tile.place(row), ...depthColumn(attention, column)])),
    );
  }

  private valueMatrix(tile: KeyTile): Staged {
    const { attention, context } = this;
    const value = attention.args.parts[tile.part]?.value ?? attention.args.query;
    return this.matrix("values", this.block.keys, attention.width, (row, column) =>
      read(context, value, new Map([...tile.place(row), ...valueColumn(attention, column)])),
    );
  }

  private tileAt(part: number, start: Expr): KeyTile {
    const { attention, rows, block } = this;
    return keyTileOf({ attention, rows, first: this.own, keys: block.keys }, part, start);
  }

  /** The loop over the keys of a part. */
  private part(part: number): readonly Statement[] {
    const { attention, context, queries, rows } = this;
    const loaded = context.fresh("loaded");
    const { keys } = this.block;
    const walk = { attention, rows, queries, first: this.own, keys, split: this.share };
    return [
      mutable(loaded, build.int(-1)),
      ...walkPart(walk, part, (tile, unmasked, end) => this.step(tile, unmasked, end, loaded)),
    ];
  }

  /** Takes the keys of a tile into the running rows. */
  private step(tile: KeyTile, unmasked: Expr, end: Expr, loaded: string): readonly Statement[] {
    const { context, tiles, math } = this;
    const { keys, warpRows, warpKeys } = this.block;
    const next = build.called("next_key", build.add(tile.start, keys));
    const out: Statement[] = [
      // Whoever reads the last tile's keys or values is done.
      waitCopies(1),
      barrier,
      when(build.notEqual(build.variable(loaded), tile.start), [
        waitCopies(0),
        barrier,
        ...this.stage(this.keyMatrix(tile)),
        commitCopies,
      ]),
    ];
    if (tiles.output !== undefined) out.push(...this.stage(this.valueMatrix(tile)));
    out.push(commitCopies, waitCopies(1), barrier);
    const score = fill(context, "score", warpRows, warpKeys, () => build.real(0), out);
    const own = this.tileAt(tile.part, build.add(tile.start, this.ownKey));
    out.push(
      warpMultiply(
        score,
        this.slice("queries", this.ownQueries()),
        this.slice("keys", build.multiply(this.ownKey, this.block.depth)),
        this.block.depth,
        math,
      ),
      ...this.weights(own, score, unmasked),
      waitCopies(0),
      barrier,
      when(build.less(next, end), this.stage(this.keyMatrix(this.tileAt(tile.part, next)))),
      commitCopies,
      assign(loaded, next),
    );
    if (tiles.output === undefined) return out;
    const first = build.multiply(this.ownKey, this.block.width);
    const values: ArraySlice = { ...this.slice("values", first), lines: "across" };
    return [...out, warpMultiply(tiles.output, score, values, warpKeys, math)];
  }

  private ownQueries(): Expr {
    const { splits, warpRows, depth } = this.block;
    if (splits) return build.int(0);
    return build.called("warp_queries", build.multiply(build.warp, warpRows * depth));
  }

  /** Brings the warps' shares of the keys together; the first warp stores them. */
  private gatherAndStore(): readonly Statement[] {
    const { attention, tiles, memory } = this;
    const { warps, warpRows, width } = this.block;
    const shares = { attention, memory, warps, rows: warpRows, width, ...tiles };
    return gatherShares(shares, (x) => this.power(x), storeWarpShare(this.running, this.share));
  }

  private power(x: Expr): Expr {
    return build.call(this.math === "f32" ? "exp2" : "exp2_approximate", x);
  }

  private slice(role: string, index: Expr): ArraySlice {
    const stride = role === "values" ? this.block.width : this.block.depth;
    const array = this.memory.array(role, factorElement(this.math), stride, 0);
    return { array, index, stride, lines: "inner" };
  }

  /** Turns scores into weights, and brings maximum, sum and output along. */
  private weights(tile: KeyTile, score: string, unmasked: Expr): readonly Statement[] {
    const { context, attention, tiles } = this;
    const { warpRows } = this.block;
    const { op } = attention;
    const here = build.element(score);
    const out: Statement[] = [];
    if (op.score !== undefined) {
      const logit: TileValue = (row, key) =>
        asPower(attention, logitOf(attention, here, tile.at(row, key)));
      out.push(refill(context, score, logit));
    }
    const shown: TileValue = (row, key) => build.select(tile.shown(row, key), here, lowest);
    out.push(when(build.not(unmasked), [refill(context, score, shown)]));
    const { normalize } = op;
    if (normalize !== "softmax") {
      return [...out, refill(context, score, () => weightOf(normalize, here))];
    }
    const power = (x: Expr): Expr => this.power(x);
    const [maximum, sum] = [build.element(tiles.maximum), build.element(tiles.sum)];
    const [top, added] = [context.fresh("top"), context.fresh("added")];
    out.push(tileReduce(top, score, "max"));
    const largest = (): Expr => build.maximum(maximum, build.element(top));
    const next = build.element(fill(context, "next", warpRows, 1, largest, out));
    const change = (): Expr => power(build.subtract(maximum, next));
    const decay = build.element(fill(context, "decay", warpRows, 1, change, out));
    out.push(
      refill(context, score, () => power(build.subtract(here, next))),
      tileReduce(added, score, "sum"),
      refill(context, tiles.sum, () => build.add(build.multiply(sum, decay), build.element(added))),
      refill(context, tiles.maximum, () => next),
    );
    const { output } = tiles;
    if (output === undefined) return out;
    return [...out, refill(context, output, () => build.multiply(build.element(output), decay))];
  }
}
