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

/** Warps of a group. */
export const warpsOfBlock = 4;

/** Registers of an invocation that sums may take; the rest holds fragments and addresses. */
const sumRegisters = 128;

/** Slices at most: one is multiplied while two are on their way. */
const mostStages = 3;

/** The block for a part of a product. */
export function blockFor(product: Product, part: ProductPart, schedule: Schedule): Block {
  const { math = "f32", groupMemory } = schedule.target;
  const columns = asConstant(part.columns) ?? Number.POSITIVE_INFINITY;
  const rows = asConstant(product.rows) ?? Number.POSITIVE_INFINITY;
  const shape = shapeOf(schedule.fewRows === true ? 16 : rows, columns, part.sums.length);
  const inner = Math.min(sliceLength(shape, math), roundUp(product.inner, innerStep(math)));
  const slices = Math.ceil(product.inner / inner);
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  const perSlice = (shape.rows + shape.columns * part.sums.length) * inner * bytes;
  // Two groups share a multiprocessor.
  const fitting = Math.floor(groupMemory / 2 / perSlice);
  const stages = Math.max(slices === 1 ? 1 : 2, Math.min(mostStages, slices, fitting));
  return { ...shape, inner, stages };
}

type Shape = Omit<Block, "inner" | "stages">;

function shapeOf(rows: number, columns: number, sums: number): Shape {
  if (rows <= 16) {
    const warpColumns = columns >= 64 ? 16 : 8;
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

/** Rows of 64 bytes; few rows leave room for longer ones, which keep more copies under way. */
function sliceLength(shape: Shape, math: WarpMath): number {
  const bytes = factorElement(math) === "f32" ? 4 : 2;
  return (shape.rows <= 16 ? 128 : 64) / bytes;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
