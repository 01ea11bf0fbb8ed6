/**
 * What a warp does together, and asynchronous copies: the definitions. The first invocation of a
 * warp does a statement on tiles for all of it; what such a statement reads is the same for all.
 */

import type { Frame, TilePlace, Value } from "./evaluate-expression.ts";
import { roundToHalf, roundToTf32 } from "./half.ts";
import { type ArraySlice, type CopyStatement, type WarpMath, warpSize } from "./kernel.ts";
import type { CheckedMemory } from "./memory.ts";

type Action = (frame: Frame) => void;

/** What an invocation has started to copy: since the last commit, and in each set that is open. */
export class Copies {
  started: (() => void)[] = [];
  sets: (() => void)[][] = [];
}

/** `act`, done by the first invocation of each warp. */
export function oncePerWarp(act: Action): Action {
  return (frame) => {
    if (frame.invocation % warpSize === 0) act(frame);
  };
}

/** An element of one of the factors, by its row or column and the inner index. */
export type Factor = (frame: Frame, across: number, inner: number) => number;

/** The elements of a tile as the left factor. */
export function tileFactor({ slot, columns }: TilePlace): Factor {
  return (frame, row, inner) => frame.slots[slot + row * columns + inner] ?? Number.NaN;
}

/** The elements of a matrix in group memory. */
export function sliceFactor(slice: ArraySlice, memory: CheckedMemory, index: Value): Factor {
  const [byLine, inLine] = [slice.stride, 1];
  const isInner = slice.lines === "inner";
  const [byAcross, byInner] = isInner ? [byLine, inLine] : [inLine, byLine];
  return (frame, across, inner) =>
    memory.read(index(frame) + across * byAcross + inner * byInner, frame.invocation);
}

const rounding: Readonly<Record<WarpMath, (value: number) => number>> = {
  f32: (value) => value,
  tf32: roundToTf32,
  f16: (value) => roundToHalf(value, "f16"),
  bf16: (value) => roundToHalf(value, "bf16"),
};

/** `target += left · right` over `inner` elements, factors rounded to `math`. */
export function warpProduct(
  target: TilePlace,
  left: Factor,
  right: Factor,
  inner: number,
  math: WarpMath,
): Action {
  const round = rounding[math];
  return oncePerWarp((frame) => {
    for (let i = 0; i < target.rows; i++) {
      for (let j = 0; j < target.columns; j++) {
        const slot = target.slot + i * target.columns + j;
        let sum = frame.slots[slot] ?? Number.NaN;
        for (let k = 0; k < inner; k++) {
          const product = round(left(frame, i, k)) * round(right(frame, j, k));
          sum = Math.fround(sum + Math.fround(product));
        }
        frame.slots[slot] = sum;
      }
    }
  });
}

/** What a copy statement needs to know of its kernel. */
export interface CopyPlaces {
  readonly from: CheckedMemory;
  readonly to: CheckedMemory;
  /** Elements in 16 bytes. */
  readonly count: number;
  readonly index: Value;
  readonly source: Value;
  readonly valid: Value;
}

/** Starts a copy: until it is waited for, nobody may read where it goes. */
export function startCopy({ from, to, count, index, source, valid }: CopyPlaces): Action {
  return (frame) => {
    const [first, start] = [index(frame), source(frame)];
    const values = Array.from({ length: count }, (_, i) =>
      valid(frame) ? from.read(start + i, frame.invocation) : 0,
    );
    for (let i = 0; i < count; i++) to.invalidate(first + i, frame.invocation);
    frame.copies.started.push(() => {
      for (const [i, value] of values.entries()) to.write(first + i, value, frame.invocation);
    });
  };
}

/** Commits what was started, or waits for it. */
export function finishCopies(statement: Exclude<CopyStatement, { kind: "copy_async" }>): Action {
  if (statement.kind === "commit_copies") {
    return ({ copies }) => {
      copies.sets.push(copies.started);
      copies.started = [];
    };
  }
  return ({ copies }) => {
    const due = copies.sets.splice(0, Math.max(0, copies.sets.length - statement.pending));
    for (const copy of due.flat()) copy();
  };
}
