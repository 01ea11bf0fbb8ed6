/**
 * A list of commands as records in memory (`runner-module.ts`). A command that stands at its place
 * again, the same object, has its record already: its buffers still lie where they lay.
 */

import type { Command } from "../backend.ts";
import type { Heap } from "./heap.ts";
import { record } from "./runner-module.ts";

/** A kernel, and what is known of it from its calls. */
export interface LoadedKernel {
  readonly name: string;
  readonly index: number;
  /** The least processor time that a group took, in milliseconds; unknown at first. */
  groupTime: number | undefined;
}

/** What turns commands into records. */
export interface RecordMaker {
  readonly heap: Heap;
  kernel(name: string): LoadedKernel;
  /** The number of what copies memory. */
  readonly copies: number;
  /** The address of `length` bytes at `offset` in a buffer; it checks that they are inside. */
  address(buffer: Slice["buffer"], offset: number, length: number): number;
  /** Whether threads share a kernel's groups. */
  shares(kernel: LoadedKernel, groups: number): boolean;
  /** Words of a record: enough for any kernel's arguments. */
  readonly recordWords: number;
}

type Slice = Extract<Command, { kind: "copy" }>["from"];

/** Kernels of fewer groups are over soon; so are as many of them as are run at once. */
const [smallGroups, mostAtOnce] = [64, 16];

/** One list, call after call. */
export class CallList {
  readonly #maker: RecordMaker;
  readonly #commands: (Command | undefined)[] = [];
  readonly #kernels: (LoadedKernel | undefined)[] = [];
  #address: number = 0;
  #capacity: number = 0;
  /** How often it was run. */
  rounds: number = 0;

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

  /** The kernel of a record; none where that is a copy. */
  kernelOf(index: number): LoadedKernel | undefined {
    return this.#kernels[index];
  }

  groupsOf(index: number): number {
    return this.#maker.heap.words[this.at(index) / 4 + record.groups] ?? 0;
  }

  /** Whether threads share a record's groups. */
  isShared(index: number): boolean {
    return this.#maker.heap.words[this.at(index) / 4 + record.shared] !== 0;
  }

  /** Decides anew which kernels threads share. */
  decide(): void {
    const { words } = this.#maker.heap;
    for (const [index, kernel] of this.#kernels.entries()) {
      if (kernel === undefined) continue;
      const shares = this.#maker.shares(kernel, this.groupsOf(index));
      words[this.at(index) / 4 + record.shared] = shares ? 1 : 0;
    }
  }

  /** How many records from `index` on, of `count` in all, take little time together. */
  fewFrom(index: number, count: number): number {
    const most = Math.min(count, index + mostAtOnce);
    let end = index;
    while (end < most && this.groupsOf(end) < smallGroups) end++;
    return Math.max(1, end - index);
  }

  #grow(count: number): void {
    const { heap } = this.#maker;
    if (this.#capacity > 0) heap.free(this.#address, this.#capacity * this.step);
    this.#commands.length = 0;
    this.#kernels.length = 0;
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
    const { buffers, scalars, groups } = command;
    const start = this.at(index) / 4;
    const isAlike =
      before?.kind === "dispatch" &&
      before.kernel === command.kernel &&
      before.buffers === buffers &&
      before.groups === groups;
    if (!isAlike) {
      const kernel = this.#maker.kernel(command.kernel);
      this.#kernels[index] = kernel;
      // Asked for before any is written: memory may not grow between.
      const pointers = buffers.map(({ buffer, offset }) => this.#maker.address(buffer, offset, 0));
      heap.words[start + record.kernel] = kernel.index;
      heap.words[start + record.groups] = groups;
      heap.words[start + record.shared] = this.#maker.shares(kernel, groups) ? 1 : 0;
      for (let at = 0; at < pointers.length; at++)
        heap.words[start + record.arguments + at] = pointers[at] ?? 0;
    }
    const first = start + record.arguments + buffers.length;
    for (let at = 0; at < scalars.length; at++) heap.words[first + at] = scalars[at] ?? 0;
  }

  #copy(index: number, { from, to, bytes, toOffset }: Extract<Command, { kind: "copy" }>): void {
    const { heap, copies } = this.#maker;
    this.#kernels[index] = undefined;
    const source = this.#maker.address(from.buffer, from.offset, bytes);
    const target = this.#maker.address(to.buffer, to.offset + toOffset, bytes);
    const start = this.at(index) / 4;
    heap.words[start + record.kernel] = copies;
    heap.words[start + record.groups] = 1;
    heap.words[start + record.shared] = 0;
    for (const [at, value] of [source, target, bytes].entries())
      heap.words[start + record.arguments + at] = value;
  }
}
