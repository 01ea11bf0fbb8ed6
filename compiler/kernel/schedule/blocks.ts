/**
 * Blocks of products for CUDA: how large a block of sums a group of warps computes, how the warps
 * share it, and how many slices of the operands wait in shared memory. Chosen from the budgets of
 * registers and shared memory before anything is written.
 */

import { asConstant } from "../../op/dimension.ts";
import { type WarpMath, warpSize } from "../kernel.ts";
import type { Product, ProductPart } from "../lower/product.ts";
import type { Schedule } from "../lower/schedule.ts";
import { factorElement, innerStep } from "../lower/warps.ts";
import { roundUp } from "../counts.ts";
import { fitsInvocation, registersOf, registersOfTile, residentGroups } from "./registers.ts";

/** A block of sums, all extents in elements. */
export interface Block {
  readonly warps: number;
  readonly rows: number;
  readonly columns: number;
  /** The part of one warp. */
  readonly warpRows: number;
  readonly warpColumns: number;
  /** Inner elements of a slice. */
  readonly inner: number;
  /** Slices in shared memory at a time. */
  readonly stages: number;
  /** Registers that an invocation needs. */
  readonly registers: number;
}

/** How operands are read: which go through registers, as they do not lie as they are multiplied. */
export interface Converted {
  readonly left: boolean;
  readonly right: boolean;
  /** Whether rows are looked up, as each chose its matrix: an invocation keeps where its own lie. */
  readonly chosen: boolean;
}

/** Slices at most: one is multiplied while the others are on their way. */
const mostStages = 4;

/** The part of a group's memory that slices may have: rows are summed in the rest. */
const usable = 7 / 8;

/** From so many rows and columns on eight warps share a block: more of them than four would fill. */
const many = 128;

/** The assembler unrolls so few slices whole. */
const fewSlices = 4;

/** It then asks for so many elements that results are made of before the last slice is multiplied. */
const askedEarly = 4;

/** Warps of a group, for all parts of a product. */
export function warpsOf(product: Product, { fewRows }: Schedule): 4 | 8 {
  const rows = asConstant(product.rows) ?? Number.POSITIVE_INFINITY;
  const columns = product.parts.map((part) => asConstant(part.columns) ?? Number.POSITIVE_INFINITY);
  return fewRows !== true && rows >= many && columns.every((each) => each >= many) ? 8 : 4;
}

/** The block for a part of a product. */
export function blockFor(
  product: Product,
  part: ProductPart,
  schedule: Schedule,
  converted: Converted,
): Block {
  const { target, fewRows = false } = schedule;
  const { math = "f32", groupMemory } = target;
  const columns = asConstant(part.columns) ?? Number.POSITIVE_INFINITY;
  const rows = asConstant(product.rows) ?? Number.POSITIVE_INFINITY;
  const warps = warpsOf(product, schedule);
  const needed = (shape: Shape): number =>
    registersFor(shape, warps, part, product.inner, math, converted);
  const shapes = warps === 8 ? manyRows : shapesFor(fewRows ? 16 : rows, columns);
  const fitting = shapes.find((each) => fitsInvocation(needed(each), target));
  const shape = fitting ?? shapes.at(-1) ?? smallest;
  const inner = Math.min(sliceLength(shape, math), roundUp(product.inner, innerStep(math)));
  const slices = Math.ceil(product.inner / inner);
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  const perSlice = (shape.rows + shape.columns * part.sums.length) * inner * bytes;
  const registers = needed(shape);
  // Two groups share a multiprocessor; one that its registers leave alone may have more
  // of its memory, unless parts of other shapes need theirs.
  const together = Math.floor(groupMemory / 2 / perSlice);
  const residents = residentGroups({ invocations: warps * warpSize, registers, bytes: 0 }, target);
  const isAlone = residents === 1 && product.parts.length === 1;
  const third = isAlone && 3 * perSlice <= groupMemory * usable ? 3 : 2;
  const most = Math.min(mostStages, slices, Math.max(together, third));
  const stages = Math.max(slices === 1 ? 1 : 2, most);
  return { ...shape, warps, inner, stages, registers };
}

type Shape = Pick<Block, "rows" | "columns" | "warpRows" | "warpColumns">;

/** A block of warps beside and below each other. */
function shapeOf(warpRows: number, warpColumns: number, down: number, across: number): Shape {
  return { rows: down * warpRows, columns: across * warpColumns, warpRows, warpColumns };
}

const smallest = shapeOf(16, 8, 2, 2);

/** The block that no other one is larger than. */
export const largestBlock: Shape = shapeOf(64, 32, 2, 4);

/** The blocks of eight warps, the largest first. */
const manyRows: readonly Shape[] = [
  largestBlock,
  shapeOf(32, 32, 2, 4),
  shapeOf(32, 16, 2, 4),
  shapeOf(16, 16, 2, 4),
];

/** The fewest columns of a block of four warps beside each other. */
export const fewColumns = 32;

/** The blocks of four warps for so many rows and columns, the largest first. */
function shapesFor(rows: number, columns: number): readonly Shape[] {
  if (rows <= 16) {
    // Small blocks, as all multiprocessors are to read weights.
    return [shapeOf(16, columns >= wide ? 16 : fewColumns / 4, 1, 4)];
  }
  const below = Math.min(64, roundUp(columns, 8));
  const tall = columns < 64 || rows <= 64;
  return [
    ...(tall && rows > 64 ? [shapeOf(32, below, 4, 1)] : []),
    ...(tall ? [shapeOf(16, below, 4, 1)] : []),
    shapeOf(64, 64, 2, 2),
    shapeOf(32, 64, 2, 2),
    shapeOf(32, 32, 2, 2),
    shapeOf(32, 16, 2, 2),
    shapeOf(16, 16, 2, 2),
    smallest,
  ];
}

/** Registers that an invocation needs for a block. */
function registersFor(
  shape: Shape,
  warps: number,
  { sums, results, beside }: ProductPart,
  inner: number,
  math: WarpMath,
  converted: Converted,
): number {
  const { rows, columns, warpRows, warpColumns } = shape;
  const staged = (converted.left ? rows : 0) + (converted.right ? columns * sums.length : 0);
  // The last result takes the place of the sums; what comes before is made beside them.
  const tiles = sums.length + results.length - 1;
  const early = inner <= fewSlices * sliceLength(shape, math) ? beside * askedEarly : 0;
  return registersOf({
    tiles: Array.from({ length: tiles }, () => [warpRows, warpColumns] as const),
    rows: warpRows,
    math,
    staged: (staged * sliceLength(shape, math)) / (warps * warpSize) + early,
    pointers: beside + (converted.chosen ? registersOfTile([warpRows, 1]) : 0),
    parts: 1,
  });
}

/** Columns that give every multiprocessor blocks of 64. */
const wide = 16384;

/** Rows of 64 bytes; few rows leave room for longer ones, which keep more copies under way. */
function sliceLength(shape: Pick<Shape, "rows">, math: WarpMath): number {
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  return (shape.rows <= 16 ? 256 : 64) / bytes;
}
