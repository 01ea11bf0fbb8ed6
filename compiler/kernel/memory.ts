/**
 * Memory as `evaluate` sees it: every access is checked for bounds, for values that nobody wrote,
 * and, in group memory, for races between two barriers.
 */

import { invariant } from "../../grammar/invariant.ts";
import { type HalfElement, halfBits, halfFromBits, roundToHalf } from "./half.ts";
import type { BufferParameter, GroupArray, Kernel, MemoryElement } from "./kernel.ts";

/** A stretch of memory that a kernel reads and writes element by element. */
export interface CheckedMemory {
  readonly read: (index: number, invocation: number) => number;
  readonly write: (index: number, value: number, invocation: number) => void;
  /** The element will be written later, and is not to be read until then. */
  readonly invalidate: (index: number, invocation: number) => void;
}

/** Bytes of an element. */
export const elementBytes: Readonly<Record<MemoryElement, number>> = {
  f32: 4,
  i32: 4,
  f16: 2,
  bf16: 2,
};

/** Bytes of an array of group memory; the next starts where eight rows' banks repeat. */
export function arrayBytes({ length, element }: GroupArray): number {
  return Math.ceil((length * elementBytes[element]) / 128) * 128;
}

/** Bytes of group memory. */
export function groupBytes(arrays: readonly GroupArray[]): number {
  return arrays.reduce((sum, each) => sum + arrayBytes(each), 0);
}

/** Elements in a piece of 16 bytes, which asynchronous copies move. */
export function pieceLength(element: MemoryElement): number {
  return isHalf(element) ? 8 : 4;
}

/**
 * Global memory over `values`, of which a group may touch what its block does. What is stored is never
 * NaN.
 */
export function bufferMemory(
  { name: kernel, rowBlocks }: Kernel,
  { name, element, access }: BufferParameter,
  values: Float32Array | Int32Array | Uint16Array,
  clock: Clock,
): CheckedMemory {
  const elements = rowBlocks?.elements[name];
  const isOpen = (index: number): boolean =>
    rowBlocks === undefined ||
    elements === undefined ||
    Math.floor(index / elements) === Math.floor(clock.group / rowBlocks.groups);
  const half = isHalf(element) ? element : undefined;
  const place = (index: number): string => `kernel ${kernel}: ${name}[${index}]`;
  return {
    read: (index) => {
      const value = values[index];
      invariant(value !== undefined, `${place(index)} is read beyond ${values.length} elements`);
      invariant(access !== "write", `${place(index)} is read, but only written by declaration`);
      invariant(isOpen(index), `${place(index)} is read by a group of other rows`);
      return half === undefined ? value : halfFromBits(value, half);
    },
    write: (index, value) => {
      invariant(index in values, `${place(index)} is written beyond ${values.length} elements`);
      invariant(access !== "read", `${place(index)} is written, but only read by declaration`);
      invariant(isOpen(index), `${place(index)} is written by a group of other rows`);
      invariant(!Number.isNaN(value), `${place(index)} becomes NaN`);
      values[index] = half === undefined ? value : halfBits(value, half);
    },
    invalidate: (index) => invariant(false, `${place(index)} is copied to asynchronously`),
  };
}

/** When time moves on for group memory. */
export interface Clock {
  /** Counts groups: what an earlier group wrote is not there. */
  group: number;
  /** Counts stretches between barriers, over all groups. */
  stretch: number;
}

/** Group memory: undefined at first in each group, and no two invocations meet between barriers. */
export function groupMemory(kernel: string, array: GroupArray, clock: Clock): CheckedMemory {
  const { name, element, length } = array;
  const values = new Float64Array(length);
  const writtenIn = new Int32Array(length).fill(-1);
  const writeStretch = new Int32Array(length).fill(-1);
  const writer = new Int32Array(length);
  const readStretch = new Int32Array(length).fill(-1);
  const reader = new Int32Array(length);
  const place = (index: number): string => `kernel ${kernel}: group memory ${name}[${index}]`;
  const race = (index: number, one: number, other: number): string =>
    `${place(index)} is written by invocation ${one} while invocation ${other} uses it`;
  return {
    read: (index, invocation) => {
      const value = values[index];
      invariant(value !== undefined, `${place(index)} is read beyond ${length} elements`);
      invariant(writtenIn[index] === clock.group, `${place(index)} is read before it is written`);
      const apart = writeStretch[index] !== clock.stretch || writer[index] === invocation;
      invariant(apart, race(index, writer[index] ?? -1, invocation));
      const several = readStretch[index] === clock.stretch && reader[index] !== invocation;
      // Two readers are nobody in particular: a write by either is a race then.
      reader[index] = several ? -1 : invocation;
      readStretch[index] = clock.stretch;
      return value;
    },
    write: (index, value, invocation) => {
      take(index, invocation);
      values[index] = isHalf(element) ? roundToHalf(value, element) : value;
      writtenIn[index] = clock.group;
    },
    invalidate: (index, invocation) => {
      take(index, invocation);
      writtenIn[index] = -1;
    },
  };

  /** Makes `invocation` the one that writes an element, if nobody else uses it. */
  function take(index: number, invocation: number): void {
    invariant(index >= 0 && index < length, `${place(index)} is written beyond ${length} elements`);
    const unread = readStretch[index] !== clock.stretch || reader[index] === invocation;
    invariant(unread, race(index, invocation, reader[index] ?? -1));
    const unwritten = writeStretch[index] !== clock.stretch || writer[index] === invocation;
    invariant(unwritten, race(index, invocation, writer[index] ?? -1));
    writeStretch[index] = clock.stretch;
    writer[index] = invocation;
  }
}

function isHalf(element: MemoryElement): element is HalfElement {
  return element === "f16" || element === "bf16";
}
