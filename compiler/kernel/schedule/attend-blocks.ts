/**
 * Blocks of attention for CUDA: how many query rows a group of warps takes, how many keys a tile has,
 * and whether the warps share the rows or the keys. Chosen from the budgets of registers and shared
 * memory before anything is written.
 */

import type { Attention } from "../lower/attend-rows.ts";
import type { Schedule } from "../lower/schedule.ts";
import { factorElement, innerStep } from "../lower/warps.ts";

/** A block of an attention. */
export interface AttendBlock {
  readonly warps: number;
  /** Query rows of the group, and of a warp. */
  readonly rows: number;
  readonly warpRows: number;
  /** Keys of a tile, and of a warp's share of it. */
  readonly keys: number;
  readonly warpKeys: number;
  /** Whether the warps split the keys, and not the rows. */
  readonly splits: boolean;
  /** Lengths of rows in group memory. */
  readonly depth: number;
  readonly width: number;
}

/** Rows of a warp, and its keys where the warps split them: what one instruction takes. */
const extent = 16;

/** Warps of a group that share no rows. */
const rowWarps = 4;

/** Elements of a query or key row, and of a value row. */
type Lengths = Pick<Attention, "depth" | "width">;

/** The block of an attention; of few query rows all warps take the same. */
export function attendBlock(lengths: Lengths, schedule: Schedule): AttendBlock {
  const { math = "f32", groupMemory } = schedule.target;
  const depth = roundUp(lengths.depth, innerStep(math));
  const width = roundUp(lengths.width, 8);
  // Two groups share a multiprocessor where the tile may be that large.
  const fits = (rows: number, keys: number): boolean =>
    bytesOf({ depth, width }, schedule, rows, keys) <= groupMemory / 2;
  if (schedule.fewRows === true) {
    const warps = [8, 4, 2].find((each) => fits(extent, each * extent)) ?? 1;
    const shares = { rows: extent, keys: warps * extent, warpKeys: extent, splits: true };
    return { warps, warpRows: extent, ...shares, depth, width };
  }
  const rows = rowWarps * extent;
  const keys = [64, 32].find((each) => fits(rows, each)) ?? extent;
  const shares = { rows, keys, warpKeys: keys, splits: false };
  return { warps: rowWarps, warpRows: extent, ...shares, depth, width };
}

/** Whether a block of such an attention fits into group memory at all. */
export function blockFits(lengths: Lengths, schedule: Schedule): boolean {
  const block = attendBlock(lengths, schedule);
  return bytesOf(block, schedule, block.rows, block.keys) <= schedule.target.groupMemory;
}

/** Bytes of group memory for so many query rows and keys. */
function bytesOf(
  { depth, width }: Lengths,
  schedule: Schedule,
  rows: number,
  keys: number,
): number {
  const bytes = factorElement(schedule.target.math ?? "f32") === "f32" ? 4 : 2;
  // Warps that split the keys add their outputs up.
  const outputs = schedule.fewRows === true ? rows * (width + 16) * 4 : 0;
  return (rows * depth + keys * (depth + width)) * bytes + outputs;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
