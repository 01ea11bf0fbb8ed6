/**
 * Products by warps, on tensor cores unless exactness is asked for. A group computes a block of sums:
 * slices of both operands along the inner index come into group memory, several slices ahead of the
 * one that is multiplied, so that copies go on meanwhile; each warp holds a tile of the block.
 */

import {
  asConstant,
  ceilDivide,
  constant,
  type Dimension,
  productOf as times,
  sumOf,
} from "../../op/dimension.ts";
import * as build from "../build.ts";
import {
  type ArraySlice,
  type Expr,
  type GroupArray,
  type Statement,
  type WarpMath,
  warpSize,
} from "../kernel.ts";
import { pieceLength } from "../memory.ts";
import {
  barrier,
  commitCopies,
  declare,
  loop,
  tile as declareTile,
  waitCopies,
  warpMultiply,
  when,
} from "../statements.ts";
import type { Context } from "./context.ts";
import { commentOf, regionName } from "./name.ts";
import type { Product, ProductPart, ProductSum, ProductTile } from "./product.ts";
import type { Grouped } from "./product-grouped.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readPaddedRight } from "./product-read.ts";
import { reductionsOf, type RowTiles, type SharedRows, warpSharedRows } from "./product-rows.ts";
import { storeTile } from "./product-store.ts";
import { overParts } from "./product-tasks.ts";
import type { Known } from "./read.ts";
import type { Lowered, Schedule } from "./schedule.ts";
import { type Block, blockFor, warpsOfBlock } from "../schedule/blocks.ts";
import { type Staged, stage } from "./staging.ts";
import { factorElement, finishWarps, GroupMemory } from "./warps.ts";

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
  const blockOf = (part: ProductPart): Block => blockFor(product, part, schedule);
  const cuts = new Map(
    product.parts.map((part) => [part, cut(context, product, part, blockOf(part))]),
  );
  const cutOf = (part: ProductPart): Cut =>
    cuts.get(part) ?? cut(context, product, part, blockOf(part));
  const sums: GroupArray[] = [];
  const facts = {
    name: regionName(context, product.region),
    comment: commentOf(context, product.region),
    warps: warpsOfBlock,
    memory,
    sums,
    groups: sumOf(product.parts.map((part) => cutOf(part).tasks)),
    flops: sumOf(product.parts.map((part) => cutOf(part).flops)),
  };
  return finishWarps(context, facts, (task) =>
    overParts(
      context,
      product,
      (part) => cutOf(part).tasks,
      task,
      (part, local) => {
        const block = blockOf(part);
        const rows = warpSharedRows(context, product, block.rows, warpsOfBlock * warpSize);
        sums.push(...rows.arrays);
        const { math = "f32" } = schedule.target;
        const at = { context, product, part, block, memory, rows, math, grouped };
        return new BlockProduct(at).statements(cutOf(part), local);
      },
    ),
  );
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

/** Where a block is computed. */
interface Around {
  readonly context: Context;
  readonly product: Product;
  readonly part: ProductPart;
  readonly block: Block;
  readonly memory: GroupMemory;
  readonly rows: SharedRows;
  readonly math: WarpMath;
  readonly grouped: Grouped | undefined;
}

/** One block of a part. */
class BlockProduct {
  private readonly at: Around;

  constructor(at: Around) {
    this.at = at;
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
    const own: ProductTile = {
      batch,
      rowStart: build.add(whole.rowStart, this.warpRow()),
      columnStart: build.add(whole.columnStart, this.warpColumn()),
      rows: block.warpRows,
      columns: block.warpColumns,
    };
    const place = placeTile(context, product, part, whole);
    // Whether a warp's rows and columns all exist is a question of the block's.
    const { rows, columns } = whole;
    const ownPlace = placeTile(context, product, part, { ...own, rows, columns });
    const values = this.rowValues(place, ownPlace);
    const sums = (narrow: (each: TilePlace) => TilePlace): readonly Statement[] =>
      this.sums(whole, own, narrow(place), narrow(ownPlace), values.known);
    const { grouped } = this.at;
    const body =
      grouped === undefined
        ? sums((each) => each)
        : grouped.overMatrices(whole, place, (narrow) => [...sums(narrow), barrier]);
    return [...places, ...values.statements, ...body];
  }

  /** The row values of a warp's rows, summed by all invocations of the group. */
  private rowValues(place: TilePlace, ownPlace: TilePlace): RowTiles {
    const { product, rows, block } = this.at;
    if (product.rowValues.length === 0) return { statements: [], known: new Map() };
    const line = (row: Expr): Expr => build.add(this.warpRow(), row);
    const values = rows.tiles(ownPlace, block.warpRows, line);
    return { ...values, statements: [...rows.add(place), barrier, ...values.statements] };
  }

  /** The sums of the block and what becomes of them. */
  private sums(
    whole: ProductTile,
    own: ProductTile,
    place: TilePlace,
    ownPlace: TilePlace,
    rows: Known,
  ): readonly Statement[] {
    const { context, part, block } = this.at;
    const sums = part.sums.map(() => context.fresh("sum"));
    return [
      ...sums.map((sum) => declareTile(sum, block.warpRows, block.warpColumns, 0)),
      ...this.pipeline(whole, place, sums),
      ...storeTile(context, part, own, ownPlace, sums, rows),
    ];
  }

  private warpRow(): Expr {
    const down = this.at.block.rows / this.at.block.warpRows;
    return build.multiply(build.remainder(build.warp, down), this.at.block.warpRows);
  }

  private warpColumn(): Expr {
    const down = this.at.block.rows / this.at.block.warpRows;
    return build.multiply(build.quotient(build.warp, down), this.at.block.warpColumns);
  }

  /** All slices through group memory into the sums. */
  private pipeline(
    tile: ProductTile,
    place: TilePlace,
    sums: readonly string[],
  ): readonly Statement[] {
    const { context, product, block } = this.at;
    const count = Math.ceil(product.inner / block.inner);
    const { stages } = block;
    const copies = (slice: Expr): readonly Statement[] => this.copies(tile, place, slice);
    if (count === 1) {
      const zero = build.int(0);
      return [
        ...copies(zero),
        commitCopies,
        waitCopies(0),
        barrier,
        ...this.multiply(zero, place, sums),
      ];
    }
    const [first, slice, next] = [
      context.fresh("ahead"),
      context.fresh("slice"),
      context.fresh("next"),
    ];
    return [
      loop(first, 0, stages - 1, [...copies(build.variable(first)), commitCopies]),
      loop(slice, 0, count, [
        // The oldest slice has come; whoever reads what is overwritten next is done.
        waitCopies(stages - 2),
        barrier,
        declare(next, build.add(build.variable(slice), stages - 1)),
        when(build.less(build.variable(next), count), copies(build.variable(next))),
        commitCopies,
        ...this.multiply(build.variable(slice), place, sums),
      ]),
    ];
  }

  /** The matrices that a slice consists of. */
  private copies(tile: ProductTile, place: TilePlace, slice: Expr): readonly Statement[] {
    const { context, part } = this.at;
    const matrices = [
      this.leftMatrix(place, slice),
      ...part.sums.map((sum, index) => this.rightMatrix(tile, place, sum, index, slice)),
    ];
    return matrices.flatMap((matrix) => stage(context, matrix, warpsOfBlock * warpSize));
  }

  private stageOf(slice: Expr, elements: number): Expr {
    return build.multiply(build.remainder(slice, this.at.block.stages), elements);
  }

  /** How many inner elements there are from the slice on, if its last may not exist. */
  private innerLimit(slice: Expr): Expr | undefined {
    const { product, block } = this.at;
    if (product.inner % block.inner === 0) return undefined;
    return build.subtract(build.int(product.inner), build.multiply(slice, block.inner));
  }

  private leftMatrix(place: TilePlace, slice: Expr): Staged {
    const { context, product, block } = this.at;
    const element = factorElement(this.at.math);
    const limit = this.innerLimit(slice);
    const length = block.rows * block.inner;
    return {
      array: this.at.memory.array("left_slice", element, block.inner, length * block.stages),
      element,
      start: this.stageOf(slice, length),
      rows: block.rows,
      columns: block.inner,
      value: (row, column) => readLeft(context, product, place, row, this.innerAt(slice, column)),
      ...(limit === undefined ? {} : { columnLimit: limit }),
      wholePieces: product.inner % pieceLength(element) === 0,
    };
  }

  private innerAt(slice: Expr, index: Expr): Expr {
    return build.add(build.multiply(slice, this.at.block.inner), index);
  }

  private rightMatrix(
    tile: ProductTile,
    place: TilePlace,
    sum: ProductSum,
    index: number,
    slice: Expr,
  ): Staged {
    const { context, product, part, block } = this.at;
    const element = factorElement(this.at.math);
    const columns = asConstant(part.columns);
    const inner = this.innerLimit(slice);
    const across =
      columns !== undefined && columns % block.columns === 0
        ? undefined
        : build.subtract(context.size(part.columns), tile.columnStart);
    const isInner = this.linesOf(place, sum) === "inner";
    const value = (k: Expr, column: Expr): Expr =>
      readPaddedRight(context, sum, place, this.innerAt(slice, k), column);
    const [rowLimit, columnLimit] = isInner ? [across, inner] : [inner, across];
    const [rows, width] = isInner ? [block.columns, block.inner] : [block.inner, block.columns];
    const length = rows * width;
    const role = part.sums.length === 1 ? "right_slice" : `right_slice_${index + 1}`;
    const extent = isInner ? product.inner : (columns ?? 1);
    return {
      array: this.at.memory.array(role, element, width, length * block.stages),
      element,
      start: this.stageOf(slice, length),
      rows,
      columns: width,
      value: isInner ? (row, k) => value(k, row) : value,
      ...(rowLimit === undefined ? {} : { rowLimit }),
      ...(columnLimit === undefined ? {} : { columnLimit }),
      wholePieces: extent % pieceLength(element) === 0,
    };
  }

  /** Which way neighbours in memory go: a weight has rows of inner elements, or of columns. */
  private linesOf(place: TilePlace, sum: ProductSum): ArraySlice["lines"] {
    const { context } = this.at;
    const [k, column] = [build.variable("k"), build.variable("column")];
    const first = readPaddedRight(context, sum, place, k, column);
    const next = readPaddedRight(context, sum, place, k, build.add(column, 1));
    if (first.kind !== "load" || next.kind !== "load") return "inner";
    const follows = build.keyOf(next.index) === build.keyOf(build.add(first.index, 1));
    return follows ? "across" : "inner";
  }

  private multiply(slice: Expr, place: TilePlace, sums: readonly string[]): readonly Statement[] {
    const { part, block, math } = this.at;
    const element = factorElement(math);
    const leftLength = block.rows * block.inner;
    const rightLength = block.columns * block.inner;
    const left: ArraySlice = {
      array: this.at.memory.array("left_slice", element, block.inner, leftLength * block.stages),
      index: build.add(
        this.stageOf(slice, leftLength),
        build.multiply(this.warpRow(), block.inner),
      ),
      stride: block.inner,
      lines: "inner",
    };
    return part.sums.map((sum, index) => {
      const lines = this.linesOf(place, sum);
      const stride = lines === "inner" ? block.inner : block.columns;
      const step = lines === "inner" ? block.inner : 1;
      const role = part.sums.length === 1 ? "right_slice" : `right_slice_${index + 1}`;
      const right: ArraySlice = {
        array: this.at.memory.array(role, element, stride, rightLength * block.stages),
        index: build.add(this.stageOf(slice, rightLength), build.multiply(this.warpColumn(), step)),
        stride,
        lines,
      };
      return warpMultiply(sums[index] ?? "", left, right, block.inner, math);
    });
  }
}
