/**
 * Blocks of products for CUDA: how large a block of sums a group of warps computes, how the warps
 * share it, and how many slices of the operands wait in shared memory. Chosen from the budgets of
 * registers and shared memory before anything is written.
 */

import { asConstant } from "../../op/dimension.ts";
import type { WarpMath } from "../kernel.ts";
import type { Product, ProductPart } from "../lower/product.ts";
import type { Schedule } from "../lower/schedule.ts";
import { factorElement, innerStep } from "../lower/warps.ts";

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
}

/** Registers of an invocation that sums may take; the rest holds fragments and addresses. */
const sumRegisters = 128;

/** Those that sums and what goes through registers into group memory may take together. */
const heldRegisters = 144;

/** What each result besides the first takes: the sums live until the last of them is stored. */
const resultRegisters = 24;

/** Which operands go through registers, as they do not lie in memory as they are multiplied. */
export interface Converted {
  readonly left: boolean;
  readonly right: boolean;
}

/** Slices at most: one is multiplied while the others are on their way. */
const mostStages = 4;

/** From so many rows and columns on eight warps share a block: more of them than four would fill. */
const many = 128;

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
  const { math = "f32", groupMemory } = schedule.target;
  const columns = asConstant(part.columns) ?? Number.POSITIVE_INFINITY;
  const rows = asConstant(product.rows) ?? Number.POSITIVE_INFINITY;
  const warps = warpsOf(product, schedule);
  const shape =
    warps === 8
      ? manyRows(part, math, converted)
      : shapeOf(schedule.fewRows === true ? 16 : rows, columns, part.sums.length);
  const inner = Math.min(sliceLength(shape, math), roundUp(product.inner, innerStep(math)));
  const slices = Math.ceil(product.inner / inner);
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  const perSlice = (shape.rows + shape.columns * part.sums.length) * inner * bytes;
  // Two groups share a multiprocessor.
  const fitting = Math.floor(groupMemory / 2 / perSlice);
  const stages = Math.max(slices === 1 ? 1 : 2, Math.min(mostStages, slices, fitting));
  return { ...shape, warps, inner, stages };
}

type Shape = Omit<Block, "inner" | "stages" | "warps">;

/** The block of eight warps: the largest whose sums and conversions fit into registers. */
function manyRows({ sums, results }: ProductPart, math: WarpMath, converted: Converted): Shape {
  const shapes: readonly (readonly [number, number])[] = [
    [64, 32],
    [32, 32],
    [32, 16],
  ];
  const shape = (warpRows: number, warpColumns: number): Shape => ({
    ...{ rows: 2 * warpRows, columns: 4 * warpColumns, warpRows, warpColumns },
  });
  const fits = ([warpRows, warpColumns]: readonly [number, number]): boolean => {
    const held = (sums.length * warpRows * warpColumns) / 32;
    const { rows, columns } = shape(warpRows, warpColumns);
    const staged = (converted.left ? rows : 0) + (converted.right ? columns * sums.length : 0);
    const registers = (staged * sliceLength({ rows }, math)) / 256;
    const others = registers + (results.length - 1) * resultRegisters;
    return held <= sumRegisters && held + others <= heldRegisters;
  };
  const [warpRows, warpColumns] = shapes.find(fits) ?? [16, 16];
  return shape(warpRows, warpColumns);
}

function shapeOf(rows: number, columns: number, sums: number): Shape {
  if (rows <= 16) {
    // Small blocks, as all multiprocessors are to read weights.
    const warpColumns = columns >= wide ? 16 : 8;
    return { rows: 16, columns: 4 * warpColumns, warpRows: 16, warpColumns };
  }
  const perWarp = (warpRows: number, warpColumns: number): number =>
    (sums * warpRows * warpColumns) / 32;
  if (columns < 64 || rows <= 64) {
    const warpColumns = Math.min(64, roundUp(columns, 8));
    const warpRows = rows > 64 && perWarp(32, warpColumns) <= sumRegisters ? 32 : 16;
    if (perWarp(16, warpColumns) <= sumRegisters) {
      return { rows: 4 * warpRows, columns: warpColumns, warpRows, warpColumns };
    }
  }
  const shapes = [
    [64, 64],
    [32, 64],
    [32, 32],
    [32, 16],
    [16, 16],
    [16, 8],
  ] as const;
  for (const [warpRows, warpColumns] of shapes) {
    if (perWarp(warpRows, warpColumns) > sumRegisters) continue;
    return { rows: 2 * warpRows, columns: 2 * warpColumns, warpRows, warpColumns };
  }
  return { rows: 32, columns: 16, warpRows: 16, warpColumns: 8 };
}

/** Columns that give every multiprocessor blocks of 64. */
const wide = 16384;

/** Rows of 64 bytes; few rows leave room for longer ones, which keep more copies under way. */
function sliceLength(shape: Pick<Shape, "rows">, math: WarpMath): number {
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  return (shape.rows <= 16 ? 256 : 64) / bytes;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
