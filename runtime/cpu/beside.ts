/**
 * What the calling thread does while others run a kernel, before it helps them. Rows of an input arrive
 * beside the first kernel, and rows of a result leave beside the last one that uses it, where these go
 * through them in order (`pieces.ts`); else the memory of the result is made ready beside the first kernel
 * that threads share.
 */

import type { Command, DeviceBuffer, Upload } from "../backend.ts";
import type { PlanKernel } from "../contract.ts";
import { invariant } from "../errors.ts";
import type { CallList } from "./call-list.ts";
import { type Blocks, blocksOf, runInPieces, stepOf, type Stream, type Streams } from "./pieces.ts";
import { type ReadPart, type ResultMemory, usesBuffer } from "./result-memory.ts";

/** What calls kernels. */
export interface Caller {
  /** Some bytes of a buffer. */
  bytes(buffer: DeviceBuffer, offset: number, length: number): Uint8Array;
  /** Runs some records of a list; the only one, which threads share, beside `meanwhile`. */
  call(list: CallList, index: number, count: number, meanwhile: () => void): void;
  /** Wakes threads that sleep. */
  wake(): void;
}

/** Runs a record of a list, and does something beside it. */
export type Aside = () => void;

/** Inputs of so many bytes arrive while kernels run. */
const worthStreaming = 262_144;

/** What is done beside the kernels of one model. */
export class Beside {
  readonly #caller: Caller;
  /** By name, of the kernels whose groups go through rows in order. */
  readonly #blocks: ReadonlyMap<string, Blocks>;
  readonly #results: ResultMemory;

  constructor(caller: Caller, kernels: readonly PlanKernel[], results: ResultMemory) {
    this.#caller = caller;
    this.#results = results;
    this.#blocks = new Map(
      kernels.flatMap((kernel): [string, Blocks][] => {
        const blocks = blocksOf(kernel);
        return blocks === undefined ? [] : [[kernel.name, blocks]];
      }),
    );
  }

  /** What is to be uploaded as rows that the first of `commands` goes through in order, if it does. */
  arriving(
    list: CallList,
    [first]: readonly Command[],
    { buffer, offset, data }: Upload,
  ): Stream | undefined {
    const bytes = data.byteLength;
    if (bytes < worthStreaming || first === undefined || !list.isShared(0)) return undefined;
    const step = stepOf(first, this.#blocksOf(first), { buffer, end: offset + bytes });
    if (step === undefined) return undefined;
    this.#caller.wake();
    const target = this.#caller.bytes(buffer, offset, bytes);
    const source = new Uint8Array(data.buffer, data.byteOffset, bytes);
    const copy = (from: number, to: number): void => {
      const [start, end] = [Math.max(0, from - offset), Math.min(bytes, to - offset)];
      if (start < end) target.set(source.subarray(start, end), start);
    };
    return { step, copy };
  }

  /** By their places in the list: records that are run with something beside them, and how. */
  asides(
    list: CallList,
    commands: readonly Command[],
    arriving: Stream | undefined,
  ): ReadonlyMap<number, Aside> | undefined {
    const part = this.#results.expected(commands);
    if (part === undefined && arriving === undefined) return undefined;
    const asides = new Map<number, Aside>();
    const inPieces = (index: number, streams: Streams): void => {
      asides.set(index, () => this.#inPieces(list, index, commands[index], streams));
    };
    if (arriving !== undefined) inPieces(0, { arriving });
    if (part === undefined) return asides;
    const last = lastUse(commands, part.buffer);
    const leaving = list.isShared(last) ? this.#leaving(commands[last], part) : undefined;
    if (leaving !== undefined) {
      inPieces(last, { leaving, arriving: last === 0 ? arriving : undefined });
      return asides;
    }
    let first = 0;
    while (first < commands.length && (!list.isShared(first) || asides.has(first))) first++;
    const prepare = (): void => this.#results.prepare(part);
    if (first < commands.length)
      asides.set(first, () => this.#caller.call(list, first, 1, prepare));
    return asides;
  }

  /** What is expected to be read as rows that `command` goes through in order, if it does. */
  #leaving(command: Command | undefined, part: ReadPart): Stream | undefined {
    const { buffer, offset, bytes } = part;
    const step = stepOf(command, this.#blocksOf(command), { buffer, end: bytes });
    if (offset !== 0 || step === undefined) return undefined;
    let content: Uint8Array<ArrayBuffer> | undefined;
    const copy = (from: number, to: number): void => {
      if (from === 0) content = this.#results.make(part);
      if (content === undefined || from >= bytes) return;
      content.set(this.#caller.bytes(buffer, from, Math.min(to, bytes) - from), from);
      if (to >= bytes) this.#results.fill(part, content);
    };
    return { step, copy };
  }

  #blocksOf(command: Command | undefined): Blocks | undefined {
    return command?.kind === "dispatch" ? this.#blocks.get(command.kernel) : undefined;
  }

  #inPieces(list: CallList, index: number, command: Command | undefined, streams: Streams): void {
    const blocks = this.#blocksOf(command);
    invariant(command?.kind === "dispatch" && blocks !== undefined, "a kernel has blocks");
    try {
      runInPieces(command.groups, blocks, streams, (first, count, meanwhile) => {
        list.limit(index, first, count);
        this.#caller.call(list, index, 1, meanwhile);
      });
    } finally {
      list.limit(index, 0, command.groups);
    }
  }
}

/** The place of the last of `commands` that uses `buffer`. */
function lastUse(commands: readonly Command[], buffer: DeviceBuffer): number {
  for (let at = commands.length - 1; at >= 0; at--) {
    const command = commands[at];
    if (command !== undefined && usesBuffer(command, buffer)) return at;
  }
  return -1;
}
