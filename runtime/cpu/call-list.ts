/**
 * A list of commands as records in memory (`runner-module.ts`). A command that stands at its place
 * again, the same object, has its record already: its buffers still lie where they lay.
 */

import type { Command } from "../backend.ts";
import type { Heap } from "./heap.ts";
import { record } from "./runner-module.ts";

/** What turns commands into records. */
export interface RecordMaker {
  readonly heap: Heap;
  /** The number of a kernel. */
  kernel(name: string): number;
  /** The number of what copies memory. */
  readonly copies: number;
  /** The address of `length` bytes at `offset` in a buffer; it checks that they are inside. */
  address(buffer: Slice["buffer"], offset: number, length: number): number;
  readonly threads: number;
  /** Words of a record: enough for any kernel's arguments. */
  readonly recordWords: number;
}

type Slice = Extract<Command, { kind: "copy" }>["from"];

/**
 * Threads share the groups of a kernel that does so many floating-point operations, or is given so
 * many bytes, or both together: some microseconds of one thread, and what it costs to share them is one.
 */
const worthSharing = 32_768;

/** Kernels are run at once that do so much together, in the same units: a millisecond or two. */
const littleWork = 2 ** 25;

/** One list, call after call. */
export class CallList {
  readonly #maker: RecordMaker;
  readonly #commands: (Command | undefined)[] = [];
  /** The bytes of the buffers that each is given, and with them the operations that it does. */
  readonly #bytes: number[] = [];
  readonly #work: number[] = [];
  #address: number = 0;
  #capacity: number = 0;

  constructor(maker: RecordMaker) {
    this.#maker = maker;
  }

  /** Bytes of a record. */
  get step(): number {
    return 4 * this.#maker.recordWords;
  }

  /** Makes the records of `commands`, those that are new. */
  take(commands: readonly Command[]): void {
    if (commands.length > this.#capacity) this.#grow(commands.length);
    for (let index = 0; index < commands.length; index++) {
      const command = commands[index];
      const before = this.#commands[index];
      if (command === undefined || command === before) continue;
      // Until it is whole it is no record.
      this.#commands[index] = undefined;
      if (command.kind === "copy") this.#copy(index, command);
      else this.#dispatch(index, command, before);
      this.#commands[index] = command;
    }
  }

  /** The address of a record. */
  at(index: number): number {
    return this.#address + index * this.step;
  }

  /** The command of the record at an address. */
  commandAt(address: number): Command | undefined {
    return this.#commands[(address - this.#address) / this.step];
  }

  /** Whether threads share a record's groups. */
  isShared(index: number): boolean {
    return this.#maker.heap.words[this.at(index) / 4 + record.shared] !== 0;
  }

  /** Lets a record be of `groups` groups from `first` on. */
  limit(index: number, first: number, groups: number): void {
    const { words } = this.#maker.heap;
    const start = this.at(index) / 4;
    words[start + record.first] = first;
    words[start + record.groups] = groups;
  }

  /** How many records from `index` on, of `count` in all, take little time together. */
  fewFrom(index: number, count: number): number {
    let end = index;
    for (let work = 0; end < count && work < littleWork; end++) work += this.#work[end] ?? 0;
    return end - index;
  }

  #grow(count: number): void {
    const { heap } = this.#maker;
    if (this.#capacity > 0) heap.free(this.#address, this.#capacity * this.step);
    this.#commands.length = 0;
    this.#capacity = 0;
    this.#address = heap.allocate(count * this.step, "a list of kernel calls");
    this.#capacity = count;
  }

  #dispatch(
    index: number,
    command: Extract<Command, { kind: "dispatch" }>,
    before: Command | undefined,
  ): void {
    const { heap } = this.#maker;
    const { buffers, scalars, groups, flops = 0 } = command;
    const start = this.at(index) / 4;
    const isAlike =
      before?.kind === "dispatch" &&
      before.kernel === command.kernel &&
      before.buffers === buffers &&
      before.groups === groups;
    if (!isAlike) {
      const kernel = this.#maker.kernel(command.kernel);
      this.#bytes[index] = buffers.reduce((sum, { bytes }) => sum + bytes, 0);
      // Asked for before any is written: memory may not grow between.
      const pointers = buffers.map(({ buffer, offset }) => this.#maker.address(buffer, offset, 0));
      heap.words[start + record.kernel] = kernel;
      heap.words[start + record.groups] = groups;
      heap.words[start + record.first] = 0;
      for (let at = 0; at < pointers.length; at++)
        heap.words[start + record.arguments + at] = pointers[at] ?? 0;
    }
    const work = flops + (this.#bytes[index] ?? 0);
    this.#work[index] = work;
    const isShared = this.#maker.threads > 1 && groups > 1 && work >= worthSharing;
    heap.words[start + record.shared] = isShared ? 1 : 0;
    const first = start + record.arguments + buffers.length;
    for (let at = 0; at < scalars.length; at++) heap.words[first + at] = scalars[at] ?? 0;
  }

  #copy(index: number, { from, to, bytes, toOffset }: Extract<Command, { kind: "copy" }>): void {
    const { heap, copies } = this.#maker;
    const source = this.#maker.address(from.buffer, from.offset, bytes);
    const target = this.#maker.address(to.buffer, to.offset + toOffset, bytes);
    const start = this.at(index) / 4;
    this.#work[index] = bytes;
    heap.words[start + record.kernel] = copies;
    heap.words[start + record.groups] = 1;
    heap.words[start + record.first] = 0;
    heap.words[start + record.shared] = 0;
    for (const [at, value] of [source, target, bytes].entries())
      heap.words[start + record.arguments + at] = value;
  }
}
