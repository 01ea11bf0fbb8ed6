/**
 * Blocks of attention for CUDA: how many query rows a group of warps takes, how many keys a tile has,
 * and whether the warps share the rows or the keys. Chosen from the budgets of registers and shared
 * memory before anything is written.
 */

import type { Schedule } from "../lower/schedule.ts";
import { factorElement, innerStep } from "../lower/warps.ts";
import { roundUp } from "../counts.ts";
import { fitsInvocation, registersOf } from "./registers.ts";

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
  /** Registers that an invocation needs. */
  readonly registers: number;
}

/** Rows of a warp, and its keys where the warps split them: what one instruction takes. */
export const warpRows = 16;

/** Warps of a group that share no rows. */
const rowWarps = 4;

/** Elements of a query or key row and of a value row, and how many parts the keys have. */
export interface Asked {
  readonly depth: number;
  readonly width: number;
  readonly parts: number;
}

/** What decides what a block needs. */
type Extents = Pick<AttendBlock, "rows" | "warpRows" | "keys" | "warpKeys" | "depth" | "width">;

/** The block of an attention; of few query rows all warps take the same. */
export function attendBlock(asked: Asked, schedule: Schedule): AttendBlock {
  const { target, fewRows = false } = schedule;
  const { math = "f32", groupMemory } = target;
  const lengths = { depth: roundUp(asked.depth, innerStep(math)), width: roundUp(asked.width, 8) };
  const block = (warps: number, keys: number): AttendBlock => {
    const shares = fewRows
      ? { rows: warpRows, keys: warps * keys, splits: true }
      : { rows: warps * warpRows, keys, splits: false };
    const extents = { ...shares, ...lengths, warpRows, warpKeys: keys };
    return { ...extents, warps, registers: registers(asked, extents, schedule) };
  };
  // Two groups share a multiprocessor where the tile may be that large. Warps that split the keys have
  // the same registers, however many they are.
  const fits = (each: AttendBlock): boolean =>
    bytesOf(each, schedule) <= groupMemory / 2 &&
    (each.splits || fitsInvocation(each.registers, target));
  const blocks = fewRows
    ? [8, 4, 2].map((warps) => block(warps, warpRows))
    : [64, 32].map((keys) => block(rowWarps, keys));
  return blocks.find(fits) ?? block(fewRows ? 1 : rowWarps, warpRows);
}

/** Whether a block of such an attention fits into group memory at all. */
export function blockFits(asked: Asked, schedule: Schedule): boolean {
  return bytesOf(attendBlock(asked, schedule), schedule) <= schedule.target.groupMemory;
}

/** Registers of an invocation; groups that may share the keys of few rows have their share's, too. */
function registers(
  { parts }: Asked,
  { warpRows, warpKeys, width }: Extents,
  { target, fewRows = false }: Schedule,
): number {
  const { math = "f32" } = target;
  // Maxima and sums, before and with the tile, and what changes the output.
  const ofRows = Array.from({ length: 6 }, () => [warpRows, 1] as const);
  return registersOf({
    tiles: [[warpRows, width], [warpRows, warpKeys], ...ofRows],
    ...{ rows: warpRows, math, staged: 0, pointers: 0, parts: parts + (fewRows ? 1 : 0) },
  });
}

/** Bytes of group memory. */
function bytesOf({ rows, keys, depth, width }: Extents, { target, fewRows }: Schedule): number {
  const bytes = factorElement(target.math ?? "f32") === "f32" ? 4 : 2;
  // Warps that split the keys add their outputs up.
  const outputs = fewRows === true ? rows * (width + 16) * 4 : 0;
  return (rows * depth + keys * (depth + width)) * bytes + outputs;
}
