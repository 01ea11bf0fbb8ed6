/**
 * The slices of a product by warps: both operands along the inner index come into group memory, several
 * slices ahead of the one that is multiplied. What cannot be copied as it lies goes through registers:
 * it is asked of memory before a slice is multiplied and kept after, and rows are summed on the way
 * where results need values of rows as a whole.
 */

import { invariant } from "../../../grammar/invariant.ts";
import { asConstant } from "../../op/dimension.ts";
import * as build from "../build.ts";
import {
  type ArraySlice,
  type Expr,
  type MemoryElement,
  type Statement,
  type WarpMath,
  warpSize,
} from "../kernel.ts";
import { pieceLength } from "../memory.ts";
import { type Block, type Operands, type SliceArray, sliceArrays } from "../schedule/blocks.ts";
import {
  barrier,
  commitCopies,
  declare,
  loop,
  waitCopies,
  warpMultiply,
  when,
} from "../statements.ts";
import type { Context } from "./context.ts";
import type { Product, ProductPart, ProductSum, ProductTile } from "./product.ts";
import type { Grouped } from "./product-grouped.ts";
import { placeTile, type TilePlace } from "./product-place.ts";
import { readLeft, readPaddedRight } from "./product-read.ts";
import type { StagedRows } from "./product-rows.ts";
import { comesInFours, piecesOf, type Staged, type Staging, stageInHalves } from "./staging.ts";
import { factorElement, type GroupMemory } from "./warps.ts";

/** Where a block is computed. */
export interface BlockSetting {
  readonly context: Context;
  readonly product: Product;
  readonly part: ProductPart;
  readonly block: Block;
  readonly operands: Operands;
  readonly memory: GroupMemory;
  readonly math: WarpMath;
}

/** How the operands of a part lie in memory. */
export function operandsOf(
  context: Context,
  product: Product,
  part: ProductPart,
  math: WarpMath,
  grouped?: Grouped,
): Operands {
  const at = (key: string): Expr => build.variable(key);
  const batch = { key: "batch", expr: at("batch"), extent: product.batch };
  const start = { rowStart: at("row"), columnStart: at("column") };
  const plain = placeTile(context, product, part, { batch, ...start, rows: 1, columns: 1 });
  const place = grouped?.withAny(plain) ?? plain;
  const zero = build.int(0);
  const changes = (value: Expr): boolean =>
    value.kind !== "load" || context.elementOf(value.buffer) !== factorElement(math);
  return {
    left: changes(readLeft(context, product, place, zero, at("k"))) || product.rowValues.length > 0,
    right: part.sums.some((sum) => changes(readPaddedRight(context, sum, place, at("k"), zero))),
    chosen: grouped !== undefined,
    lines: part.sums.map((sum) => linesOf(context, sum, place)),
  };
}

/** Which way neighbours in memory go: a weight has rows of inner elements, or of columns. */
function linesOf(context: Context, sum: ProductSum, place: TilePlace): ArraySlice["lines"] {
  const [k, column] = [build.variable("k"), build.variable("column")];
  const first = readPaddedRight(context, sum, place, k, column);
  const next = readPaddedRight(context, sum, place, k, build.add(column, 1));
  if (first.kind !== "load" || next.kind !== "load") return "inner";
  const follows = build.keyOf(next.index) === build.keyOf(build.add(first.index, 1));
  return follows ? "across" : "inner";
}

/** The first row and column of a warp in its block. */
export function warpCorner({ rows, warpRows, warpColumns }: Block): {
  readonly row: Expr;
  readonly column: Expr;
} {
  const down = rows / warpRows;
  const row = build.called("warp_down", build.remainder(build.warp, down));
  const column = build.called("warp_across", build.quotient(build.warp, down));
  return {
    row: build.called("warp_row", build.multiply(row, warpRows)),
    column: build.called("warp_column", build.multiply(column, warpColumns)),
  };
}

/** The slices of one block, whose elements lie at `place`. */
export class Slices {
  private readonly at: BlockSetting;
  private readonly tile: ProductTile;
  private readonly place: TilePlace;
  private readonly invocations: number;
  private readonly element: MemoryElement;

  constructor(at: BlockSetting, tile: ProductTile, place: TilePlace) {
    this.at = at;
    this.tile = tile;
    this.place = place;
    this.invocations = at.block.warps * warpSize;
    this.element = factorElement(at.math);
  }

  /** How rows of the left operand are cut among the invocations, if they go through registers in fours. */
  get leftPieces():
    | { readonly count: number; readonly perRow: number; readonly perInvocation: number }
    | undefined {
    const left = this.leftMatrix(build.int(0), undefined);
    if (!comesInFours(this.at.context, left)) return undefined;
    const perRow = left.columns / pieceLength(this.element);
    return {
      ...{ perRow, count: left.rows * perRow },
      perInvocation: piecesOf(left, this.invocations),
    };
  }

  /** All slices into the sums; `rows` are summed on the way. */
  statements(sums: readonly string[], rows: StagedRows | undefined): readonly Statement[] {
    const { context, product, block } = this.at;
    const count = Math.ceil(product.inner / block.inner);
    const { stages } = block;
    if (count === 1) {
      const zero = build.int(0);
      return [...this.whole(zero, rows), waitCopies(0), barrier, ...this.multiply(zero, sums)];
    }
    const [first, slice, next, asked] = [
      context.fresh("ahead"),
      context.fresh("slice"),
      context.fresh("next"),
      context.fresh("asked"),
    ];
    const exists = build.less(build.variable(next), count);
    const copies = this.copies(build.variable(next), build.variable(asked), rows);
    const async = copies.filter(({ isAsync }) => isAsync).flatMap(({ ask }) => ask);
    const early = copies.filter(({ isAsync }) => !isAsync).flatMap(({ ask }) => ask);
    const also = copies.flatMap((each) => each.also);
    return [
      loop(first, 0, stages - 1, this.whole(build.variable(first), rows)),
      loop(slice, 0, count, [
        // The oldest slice has come; whoever reads what is overwritten next is done.
        waitCopies(stages - 2),
        barrier,
        declare(next, build.add(build.variable(slice), stages - 1)),
        ...(async.length > 0 ? [when(exists, async)] : []),
        commitCopies,
        // Past the end the last slice is asked for again, and kept where nobody reads it.
        declare(asked, build.minimum(build.variable(next), count - 1)),
        ...early,
        ...this.multiply(build.variable(slice), sums),
        ...(also.length > 0 ? [when(exists, also)] : []),
        ...copies.flatMap(({ keep }) => keep),
      ]),
    ];
  }

  /** A slice at once. */
  private whole(slice: Expr, rows: StagedRows | undefined): readonly Statement[] {
    const copies = this.copies(slice, slice, rows);
    const statements = copies.flatMap(({ ask, also, keep }) => [...ask, ...also, ...keep]);
    return [...statements, commitCopies];
  }

  /**
   * The matrices that slice number `slice` consists of; those that go through registers are read of
   * slice `asked`, which exists.
   */
  private copies(slice: Expr, asked: Expr, rows: StagedRows | undefined): readonly Staging[] {
    const { context, part } = this.at;
    const matrices = (read: Expr): readonly Staged[] => [
      this.leftMatrix(read, rows),
      ...part.sums.map((sum, index) => this.rightMatrix(sum, index, read)),
    ];
    const goes = matrices(slice);
    return matrices(asked).map((matrix, index) => {
      const own = goes[index] ?? matrix;
      const staging = stageInHalves(context, own, this.invocations);
      if (staging.isAsync) return staging;
      return stageInHalves(context, { ...matrix, start: own.start }, this.invocations);
    });
  }

  private stageOf(slice: Expr, elements: number): Expr {
    const stage = build.remainder(slice, this.at.block.stages);
    return build.called("stage", build.multiply(stage, elements));
  }

  /** How many inner elements there are from the slice on, if its last may not exist. */
  private innerLimit(slice: Expr): Expr | undefined {
    const { product, block } = this.at;
    if (product.inner % block.inner === 0) return undefined;
    return build.subtract(build.int(product.inner), build.multiply(slice, block.inner));
  }

  private innerAt(slice: Expr, index: Expr): Expr {
    return build.add(build.multiply(slice, this.at.block.inner), index);
  }

  /** The array of the left operand, or of the right one of a sum. */
  private array(operand: "left" | number): SliceArray & { readonly name: string } {
    const { product, part, block, operands, memory } = this.at;
    const own = sliceArrays(product, part, block, operands)[operand === "left" ? 0 : operand + 1];
    invariant(own !== undefined, "lower: an operand without an array");
    const { role, rowLength, length } = own;
    return { ...own, name: memory.array(role, this.element, rowLength, length * block.stages) };
  }

  private leftMatrix(slice: Expr, rows: StagedRows | undefined): Staged {
    const { context, product, block } = this.at;
    const { element, place } = this;
    const limit = this.innerLimit(slice);
    const { name: array, length } = this.array("left");
    return {
      array,
      element,
      start: this.stageOf(slice, length),
      rows: block.rows,
      columns: block.inner,
      value: (row, column) => readLeft(context, product, place, row, this.innerAt(slice, column)),
      ...(limit === undefined ? {} : { columnLimit: limit }),
      wholePieces: product.inner % pieceLength(element) === 0,
      ...(rows === undefined
        ? {}
        : { also: (piece, row, column) => rows.add(piece, row, this.innerAt(slice, column)) }),
    };
  }

  private rightMatrix(sum: ProductSum, index: number, slice: Expr): Staged {
    const { context, product, part, block } = this.at;
    const { element, place, tile } = this;
    const columns = asConstant(part.columns);
    const inner = this.innerLimit(slice);
    const across =
      columns !== undefined && columns % block.columns === 0
        ? undefined
        : build.subtract(context.size(part.columns), tile.columnStart);
    const isInner = this.at.operands.lines[index] === "inner";
    const value = (k: Expr, column: Expr): Expr =>
      readPaddedRight(context, sum, place, this.innerAt(slice, k), column);
    const [rowLimit, columnLimit] = isInner ? [across, inner] : [inner, across];
    const [rows, width] = isInner ? [block.columns, block.inner] : [block.inner, block.columns];
    const { name: array, length } = this.array(index);
    const extent = isInner ? product.inner : (columns ?? 1);
    return {
      array,
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

  private multiply(slice: Expr, sums: readonly string[]): readonly Statement[] {
    const { part, block, math, operands } = this.at;
    const corner = warpCorner(block);
    const own = this.array("left");
    const start = build.multiply(corner.row, block.inner);
    const left: ArraySlice = {
      array: own.name,
      index: build.add(this.stageOf(slice, own.length), start),
      stride: own.rowLength,
      lines: "inner",
    };
    return part.sums.map((_, index) => {
      const { name: array, length, rowLength: stride } = this.array(index);
      const lines = operands.lines[index] ?? "inner";
      const step = lines === "inner" ? stride : 1;
      const right: ArraySlice = {
        array,
        index: build.add(this.stageOf(slice, length), build.multiply(corner.column, step)),
        stride,
        lines,
      };
      return warpMultiply(sums[index] ?? "", left, right, block.inner, math);
    });
  }
}
