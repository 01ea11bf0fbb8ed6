/**
 * Blocks of products for CUDA: how large a block of sums a group of warps computes, how the warps
 * share it, and how many slices of the operands wait in shared memory. Chosen from the budgets of
 * registers and shared memory before anything is written.
 */

import { asConstant } from "../../op/dimension.ts";
import { type ArraySlice, type WarpMath, warpSize } from "../kernel.ts";
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
export interface Operands {
  readonly left: boolean;
  readonly right: boolean;
  /** Whether rows are looked up, as each chose its matrix: an invocation keeps where its own lie. */
  readonly chosen: boolean;
  /** Which way neighbours in memory go, of the right operand of each sum. */
  readonly lines: readonly ArraySlice["lines"][];
}

/** What a slice of an operand fills of group memory; parts of a product share arrays of equal rows. */
export interface SliceArray {
  readonly role: string;
  readonly rowLength: number;
  readonly length: number;
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

/** The blocks of a product's parts. */
export function blocksFor(
  product: Product,
  schedule: Schedule,
  operands: ReadonlyMap<ProductPart, Operands>,
): ReadonlyMap<ProductPart, Block> {
  const lengths = isFew(product, schedule) ? fewRowsLengths : [manyRowsLength];
  const choices = lengths.map((bytes) => choiceOf(product, schedule, operands, bytes));
  const chosen = choices.find(({ slices, stages }) => stages >= Math.min(slices, 3));
  return (chosen ?? choices.at(-1))?.blocks ?? new Map();
}

/** Blocks whose slices have rows of so many bytes. */
interface Choice {
  readonly blocks: ReadonlyMap<ProductPart, Block>;
  readonly slices: number;
  readonly stages: number;
}

function choiceOf(
  product: Product,
  schedule: Schedule,
  operands: ReadonlyMap<ProductPart, Operands>,
  rowBytes: number,
): Choice {
  const { target } = schedule;
  const { math = "f32", groupMemory } = target;
  const warps = warpsOf(product, schedule);
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  const inner = Math.min(rowBytes / bytes, roundUp(product.inner, innerStep(math)));
  const slices = Math.ceil(product.inner / inner);
  const shaped = [...operands].map(([part, own]) => {
    const needed = (shape: Shape): number =>
      registersFor(shape, warps, part, product.inner, math, rowBytes / bytes, own);
    const shapes = shapesOf(product, part, schedule);
    const fitting = shapes.find((each) => fitsInvocation(needed(each), target));
    const shape = fitting ?? shapes.at(-1) ?? smallest;
    return { part, own, shape: { ...shape, inner }, registers: needed(shape) };
  });
  const arrays = new Map<string, number>();
  for (const { part, own, shape } of shaped) {
    for (const { role, rowLength, length } of sliceArrays(product, part, shape, own)) {
      const key = `${role} ${rowLength}`;
      arrays.set(key, Math.max(length, arrays.get(key) ?? 0));
    }
  }
  const perSlice = bytes * [...arrays.values()].reduce((sum, length) => sum + length, 0);
  // Two groups share a multiprocessor; one that its registers leave alone may have more of its memory.
  const registers = Math.max(...shaped.map((each) => each.registers));
  const share = product.rowValues.length > 0 ? usable : 1;
  const together = Math.floor((groupMemory * share) / 2 / perSlice);
  const residents = residentGroups({ invocations: warps * warpSize, registers, bytes: 0 }, target);
  const third = residents === 1 && 3 * perSlice <= groupMemory * usable ? 3 : 2;
  const most = Math.min(mostStages, slices, Math.max(together, third));
  const stages = Math.max(slices === 1 ? 1 : 2, most);
  const blocks = shaped.map(
    (each) => [each.part, { ...each.shape, warps, stages, registers: each.registers }] as const,
  );
  return { blocks: new Map(blocks), slices, stages };
}

/** The arrays that a slice of a part's operands fills: the left one, and the right one of each sum. */
export function sliceArrays(
  { parts }: Product,
  { sums }: ProductPart,
  { rows, columns, inner }: Pick<Block, "rows" | "columns" | "inner">,
  { lines }: Operands,
): readonly SliceArray[] {
  const isSingle = parts.every((part) => part.sums.length === 1);
  const right = sums.map((_, index) => ({
    role: isSingle ? "right_slice" : `right_slice_${index + 1}`,
    rowLength: lines[index] === "across" ? columns : inner,
    length: columns * inner,
  }));
  return [{ role: "left_slice", rowLength: inner, length: rows * inner }, ...right];
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

/** Whether sixteen rows, which one instruction takes, are all there are. */
function isFew({ rows }: Product, { fewRows = false }: Schedule): boolean {
  return fewRows || (asConstant(rows) ?? Number.POSITIVE_INFINITY) <= 16;
}

/** The blocks for a part, the largest first. */
function shapesOf(product: Product, part: ProductPart, schedule: Schedule): readonly Shape[] {
  if (warpsOf(product, schedule) === 8) return manyRows;
  const columns = asConstant(part.columns) ?? Number.POSITIVE_INFINITY;
  const rows = asConstant(product.rows) ?? Number.POSITIVE_INFINITY;
  if (isFew(product, schedule)) {
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
  sliceLength: number,
  { left, right, chosen }: Operands,
): number {
  const { rows, columns, warpRows, warpColumns } = shape;
  const staged = (left ? rows : 0) + (right ? columns * sums.length : 0);
  // The last result takes the place of the sums; what comes before is made beside them.
  const tiles = sums.length + results.length - 1;
  const early = inner <= fewSlices * sliceLength ? beside * askedEarly : 0;
  return registersOf({
    tiles: Array.from({ length: tiles }, () => [warpRows, warpColumns] as const),
    rows: warpRows,
    math,
    staged: (staged * sliceLength) / (warps * warpSize) + early,
    pointers: beside + (chosen ? registersOfTile([warpRows, 1]) : 0),
    parts: 1,
  });
}

/** Columns that give every multiprocessor blocks of 64. */
const wide = 16384;

/** Bytes of a slice's rows. */
const manyRowsLength = 64;

/** Few rows leave room for longer ones, which keep more copies under way: the longest of three stages. */
const fewRowsLengths: readonly number[] = [256, 128, 64];
