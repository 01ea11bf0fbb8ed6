/**
 * The registers of CUDA kernels, before anything is printed: how many an invocation needs in a
 * schedule, and how many groups a multiprocessor then holds at a time. That number is printed as the
 * second argument of `__launch_bounds__`, so that the assembler has the registers that were counted
 * on: left to itself it spills some where that brings another group in.
 */

import { multiprocessorRegisters } from "../architectures.ts";
import { type WarpMath, warpSize } from "../kernel.ts";
import type { Target } from "../target.ts";

/** What a warp holds at a time. */
export interface Held {
  /** Tiles that live at once. */
  readonly tiles: readonly Extents[];
  /** Rows of the left factor that are multiplied at once. */
  readonly rows: number;
  readonly math: WarpMath;
  /** Registers of an invocation that are on their way to group memory. */
  readonly staged: number;
  /** Tensors that are read besides the factors: each has a pointer and a place in it. */
  readonly pointers: number;
  /** Parts of an attention's keys: each has places of its own. */
  readonly parts: number;
}

type Extents = readonly [rows: number, columns: number];

/** Rounds of plain multiply-adds whose fragments are there at once. */
const plainRounds = 4;

/** Where things are in memory, bounds and counters. */
const places = 40;

/** Those of each part besides the first. */
const partPlaces = 24;

/** The registers of an invocation. */
export function registersOf({ tiles, rows, math, staged, pointers, parts }: Held): number {
  const held = tiles.reduce((sum, extents) => sum + registersOfTile(extents), 0);
  const fragments = (4 * Math.ceil(rows / 16) + 4) * (math === "f32" ? plainRounds : 1);
  // What is staged is asked for at a place of its own, and kept at another.
  const where = places + 3 * pointers + partPlaces * (parts - 1);
  return held + fragments + 2 * staged + where;
}

/** A tile of one column lies in the four lanes of a row at once. */
export function registersOfTile([rows, columns]: Extents): number {
  return columns === 1 ? rows / 8 : (rows * columns) / warpSize;
}

/** An eighth is left for values that are asked of memory ahead. */
const usable = 7 / 8;

/** Whether a schedule that needs so many registers is one to choose. */
export function fitsInvocation(registers: number, { registers: most }: Target): boolean {
  return registers <= most * usable;
}

/** Groups that share a multiprocessor at most: schedules leave each of them half of its memory. */
const mostResident = 2;

/** Bytes of group memory that the system takes of each group. */
const systemBytes = 1024;

/** How many groups of so many invocations a multiprocessor is to hold at a time. */
export function residentGroups(
  group: {
    readonly invocations: number;
    /** Of an invocation. */
    readonly registers: number;
    /** Bytes of group memory. */
    readonly bytes: number;
  },
  target: Target,
): number {
  const byRegisters = multiprocessorRegisters / (group.registers * group.invocations);
  const byBytes = (target.groupMemory + systemBytes) / (group.bytes + systemBytes);
  return Math.max(1, Math.min(mostResident, Math.floor(byRegisters), Math.floor(byBytes)));
}
