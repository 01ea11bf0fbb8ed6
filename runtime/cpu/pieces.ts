/**
 * Kernels in pieces: the calling thread copies rows that a kernel is going to read, and rows that it has
 * written, while other threads compute rows between, and then helps. A piece is some blocks of groups
 * that touch their own rows only (`RowBlocks`).
 */

import { type Command, type DeviceBuffer, elementBytes } from "../backend.ts";
import type { PlanKernel } from "../contract.ts";

/** The groups of a block, and how many bytes of each buffer these touch; 0 if they may touch any. */
export interface Blocks {
  readonly groups: number;
  readonly bytes: readonly number[];
}

/** Bytes that arrive or leave, `step` for each block. */
export interface Stream {
  readonly step: number;
  /** Copies those from `from` to `to` that there are. */
  readonly copy: (from: number, to: number) => void;
}

/** What is copied while a kernel runs. */
export interface Streams {
  readonly arriving?: Stream | undefined;
  readonly leaving?: Stream | undefined;
}

/**
 * The first piece arrives and the last one leaves with nothing beside, so that they are short; threads
 * meet after each, so that there are few.
 */
const mostPieces = 6;

/** The blocks of a kernel, if its groups go through a buffer in order. */
export function blocksOf({ rowBlocks, buffers }: PlanKernel): Blocks | undefined {
  if (rowBlocks === undefined) return undefined;
  const { groups, elements } = rowBlocks;
  const bytes = buffers.map(({ name, element }) => (elements[name] ?? 0) * elementBytes[element]);
  return { groups, bytes };
}

/**
 * The bytes that a block of `command` touches of a buffer that it goes through in order, from its start
 * to `end` at least; undefined if it does not.
 */
export function stepOf(
  command: Command | undefined,
  blocks: Blocks | undefined,
  { buffer, end }: { readonly buffer: DeviceBuffer; readonly end: number },
): number | undefined {
  if (command?.kind !== "dispatch" || blocks === undefined) return undefined;
  let step = 0;
  for (let index = 0; index < command.buffers.length; index++) {
    const slice = command.buffers[index];
    if (slice?.buffer !== buffer) continue;
    const isOnly = step === 0 && slice.offset === 0;
    step = blocks.bytes[index] ?? 0;
    if (!isOnly || step === 0) return undefined;
  }
  const count = Math.ceil(command.groups / blocks.groups);
  return count > 1 && step > 0 && count * step >= end ? step : undefined;
}

/** Runs so many groups in pieces; `run` runs one and does something meanwhile. */
export function runInPieces(
  groups: number,
  blocks: Blocks,
  { arriving, leaving }: Streams,
  run: (first: number, count: number, meanwhile: () => void) => void,
): void {
  const count = Math.ceil(groups / blocks.groups);
  const pieces = Math.min(mostPieces, count);
  /** The first block after a piece. */
  const endOf = (piece: number): number => Math.ceil((count * (piece + 1)) / pieces);
  const copy = (stream: Stream | undefined, piece: number): void => {
    if (stream !== undefined && piece >= 0 && piece < pieces)
      stream.copy(endOf(piece - 1) * stream.step, endOf(piece) * stream.step);
  };
  copy(arriving, 0);
  for (let piece = 0; piece < pieces; piece++) {
    const start = endOf(piece - 1) * blocks.groups;
    run(start, Math.min(endOf(piece) * blocks.groups, groups) - start, () => {
      copy(arriving, piece + 1);
      copy(leaving, piece - 1);
    });
  }
  copy(leaving, pieces - 1);
}
