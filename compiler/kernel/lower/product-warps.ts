/**
 * Products by warps, on tensor cores unless exactness is asked for. A group computes a block of sums,
 * slice by slice along the inner index (`product-slices.ts`); each warp holds a tile of the block.
 */

import { invariant } from "../../../grammar/invariant.ts";
import {
  ceilDivide,
  constant,
  type Dimension,
  productOf as times,
  sumOf,
} from "../../op/dimension.ts";
import * as build from "../build.ts";
import { type Expr, type GroupArray, type Statement, warpSize } from "../kernel.ts";
import { type Block, blocksFor, type Operands, warpsOf } from "../schedule/blocks.ts";
import { barrier, declare, tile as declareTile } from "../statements.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import type { Product, ProductPart, ProductTile } from "./product.ts";
import type { Grouped } from "./product-grouped.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { reductionsOf, type StagedRows, sharedRows, stagedRows } from "./product-rows.ts";
import { type BlockSetting, operandsOf, Slices, warpCorner } from "./product-slices.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./task-parts.ts";
import type { Known } from "./read.ts";
import type { Lowered, Schedule } from "./schedule.ts";
import { finishWarps, GroupMemory } from "./warps.ts";

/** Lowers a region of products. */
export function warpProduct(context: Context, product: Product, schedule: Schedule): Lowered {
  return lowered(context, product, schedule);
}

/** Lowers a region of products whose rows chose their matrices. */
export function warpGrouped(context: Context, grouped: Grouped, schedule: Schedule): Lowered {
  return lowered(context, grouped.product, schedule, grouped);
}

function lowered(
  context: Context,
  product: Product,
  schedule: Schedule,
  grouped?: Grouped,
): Lowered {
  const memory = new GroupMemory(context);
  const { math = "f32" } = schedule.target;
  const operands = new Map(
    product.parts.map((part) => [part, operandsOf(context, product, part, math, grouped)]),
  );
  const blocks = blocksFor(product, schedule, operands);
  const planOf = (part: ProductPart): Planned => {
    const [block, own] = [blocks.get(part), operands.get(part)];
    invariant(block !== undefined && own !== undefined, "lower: a part of a product has a block");
    return { block, operands: own, cut: cut(context, product, part, block) };
  };
  const sums: GroupArray[] = [];
  const cuts = product.parts.map((part) => planOf(part).cut);
  const facts = {
    name: regionName(context, product.region),
    comment: commentOf(context, product.region),
    warps: warpsOf(product, schedule),
    registers: Math.max(...product.parts.map((part) => planOf(part).block.registers)),
    target: schedule.target,
    memory,
    sums,
    groups: sumOf(cuts.map((each) => each.tasks)),
    flops: sumOf(cuts.map((each) => each.flops)),
  };
  return finishWarps(context, facts, (task) =>
    overParts(
      context,
      product.parts,
      (part) => planOf(part).cut.tasks,
      task,
      (part, local) => {
        const { block, operands, cut } = planOf(part);
        const at = { context, product, part, block, operands, memory, math };
        return new BlockProduct(at, grouped, sums).statements(cut, local);
      },
    ),
  );
}

/** What is decided of a part before anything is written. */
interface Planned {
  readonly block: Block;
  readonly operands: Operands;
  readonly cut: Cut;
}

/** How many blocks a part has, down and across. */
interface Cut {
  readonly rowBlocks: Dimension;
  readonly columnBlocks: Dimension;
  readonly tasks: Dimension;
  readonly flops: Dimension;
}

function cut(context: Context, product: Product, part: ProductPart, block: Block): Cut {
  const { batch, rows, inner } = product;
  const rowBlocks = ceilDivide(rows, constant(block.rows));
  const columnBlocks = ceilDivide(part.columns, constant(block.columns));
  const tasks = times([batch, rowBlocks, columnBlocks]);
  const perRow = 2 * block.columns * part.sums.length + reductionsOf(context, product).length;
  const perBlock = constant(block.rows * inner * perRow);
  return { rowBlocks, columnBlocks, tasks, flops: times([tasks, perBlock]) };
}

/** One block of a part. */
class BlockProduct {
  private readonly at: BlockSetting;
  private readonly grouped: Grouped | undefined;
  /** Takes arrays of group memory that are not slices. */
  private readonly arrays: GroupArray[];

  constructor(at: BlockSetting, grouped: Grouped | undefined, arrays: GroupArray[]) {
    this.at = at;
    this.grouped = grouped;
    this.arrays = arrays;
  }

  /** What the group does that has number `task` in the part. */
  statements({ rowBlocks, columnBlocks }: Cut, task: Expr): readonly Statement[] {
    const { context, product, part, block } = this.at;
    const down = context.size(rowBlocks);
    const perBatch = build.multiply(down, context.size(columnBlocks));
    const inBatch = build.remainder(task, perBatch);
    // Groups that run together share their columns, and so what they read of the right operand.
    const rowStart = context.fresh("row_start");
    const columnStart = context.fresh("column_start");
    const places = [
      declare(rowStart, build.multiply(build.remainder(inBatch, down), block.rows)),
      declare(columnStart, build.multiply(build.quotient(inBatch, down), block.columns)),
    ];
    const batch = { key: "batch", expr: build.quotient(task, perBatch), extent: product.batch };
    const whole: ProductTile = {
      batch,
      rowStart: build.variable(rowStart),
      columnStart: build.variable(columnStart),
      rows: block.rows,
      columns: block.columns,
    };
    const corner = warpCorner(block);
    const own: ProductTile = {
      batch,
      rowStart: build.called("warp_row_start", build.add(whole.rowStart, corner.row)),
      columnStart: build.called("warp_column_start", build.add(whole.columnStart, corner.column)),
      rows: block.warpRows,
      columns: block.warpColumns,
    };
    const place = placeTile(context, product, part, whole);
    // Whether a warp's rows and columns all exist is a question of the block's.
    const { rows, columns } = whole;
    const ownPlace = placeTile(context, product, part, { ...own, rows, columns });
    return [...places, ...this.computed(whole, place, own, ownPlace)];
  }

  /** The block, whose elements lie at `place`, those of the warp at `ownPlace`. */
  private computed(
    whole: ProductTile,
    place: TilePlace,
    own: ProductTile,
    ownPlace: TilePlace,
  ): readonly Statement[] {
    const { context, part, block } = this.at;
    const { before, staged, after, known } = this.rowValues(whole, place, ownPlace);
    const body = (narrow: (each: TilePlace) => TilePlace): readonly Statement[] => {
      const sums = part.sums.map(() => context.fresh("sum"));
      return [
        ...sums.map((sum) => declareTile(sum, block.warpRows, block.warpColumns, 0)),
        ...new Slices(this.at, whole, narrow(place)).statements(sums, staged),
        ...after,
        ...storeTile(context, part, own, narrow(ownPlace), sums, known),
      ];
    };
    const statements =
      this.grouped === undefined
        ? body((each) => each)
        : this.grouped.overMatrices(whole, place, (narrow) => [...body(narrow), barrier]);
    return [...before, ...statements];
  }

  /**
   * What gives the row values of a warp's rows: summed by all invocations of the group, while slices go
   * through their registers or before.
   */
  private rowValues(whole: ProductTile, place: TilePlace, ownPlace: TilePlace): BlockRows {
    const { context, product, block } = this.at;
    if (product.rowValues.length === 0) return { before: [], after: [], known: new Map() };
    const invocations = block.warps * warpSize;
    const line = (row: Expr): Expr => build.add(warpCorner(block).row, row);
    const pieces =
      this.grouped === undefined ? new Slices(this.at, whole, place).leftPieces : undefined;
    if (pieces === undefined) {
      const shared = sharedRows(context, product, block.rows, invocations, "warp");
      const { statements, known } = shared.tiles(ownPlace, block.warpRows, line);
      this.arrays.push(...shared.arrays);
      return { before: [...shared.add(place), barrier, ...statements], after: [], known };
    }
    const staged = stagedRows(context, product, place, { ...pieces, invocations });
    const { statements, known } = staged.tiles(ownPlace, block.warpRows, line);
    this.arrays.push(...staged.arrays);
    return {
      before: staged.start,
      staged,
      after: [...staged.finish, barrier, ...statements],
      known,
    };
  }
}

/** How the row values of a block come about. */
interface BlockRows {
  /** What is done before the slices, and after. */
  readonly before: readonly Statement[];
  readonly after: readonly Statement[];
  /** What is done on the way. */
  readonly staged?: StagedRows;
  readonly known: Known;
}
