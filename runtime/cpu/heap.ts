/**
 * The memory of WebAssembly kernels: one growable memory, handed out in aligned blocks. It is of the
 * kind that threads can share, whether there are others or not.
 *
 * Free blocks are kept sorted and merged with their neighbours; a block is taken from the first one
 * that fits, and the memory grows only when none does. The 256 bytes at address 0 are never handed
 * out.
 */

import { aligned, bufferAlignment } from "../backend.ts";
import { BraidError, invariant, reasonOf } from "../errors.ts";
import { showBytes } from "../show-bytes.ts";

/** What WebAssembly can address: 65,536 pages of 64 KiB. */
export const largestMemory: number = 2 ** 32;

/** The pages that WebAssembly counts memory in. */
export const pageBytes = 65_536;

interface Block {
  readonly start: number;
  readonly end: number;
}

/** A WebAssembly memory and what of it is free. */
export class Heap {
  readonly memory: WebAssembly.Memory;
  #buffer: ArrayBufferLike;
  #words: Int32Array;
  #free: readonly Block[];

  constructor() {
    const maximum = largestMemory / pageBytes;
    this.memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
    this.#buffer = this.memory.buffer;
    this.#words = new Int32Array(this.#buffer);
    this.#free = [{ start: bufferAlignment, end: pageBytes }];
  }

  /** All of the memory, as it is now. To ask `memory` itself takes longer than to call a kernel. */
  get buffer(): ArrayBufferLike {
    return this.#buffer;
  }

  /** All of it as words. */
  get words(): Int32Array {
    return this.#words;
  }

  /**
   * The address of `bytes` free bytes, a multiple of 256. Throws `memory/full`; `label` says what
   * for.
   */
  allocate(bytes: number, label: string): number {
    const size = aligned(bytes);
    const found = this.#free.find((block) => block.end - block.start >= size);
    const block = found ?? this.#grow(size, label);
    const rest = { start: block.start + size, end: block.end };
    this.#free = this.#free.flatMap((each) => {
      if (each !== block) return [each];
      return rest.start < rest.end ? [rest] : [];
    });
    return block.start;
  }

  /** Gives back what `allocate` gave for `bytes`. */
  free(start: number, bytes: number): void {
    const end = start + aligned(bytes);
    const overlaps = this.#free.some((block) => start < block.end && block.start < end);
    invariant(!overlaps, `memory at ${start} is freed twice`);
    this.#free = merged([...this.#free, { start, end }]);
  }

  /** Appends enough pages for a block of `size` bytes at the end; gives that block. */
  #grow(size: number, label: string): Block {
    const end = this.memory.buffer.byteLength;
    const tail = this.#free.at(-1);
    const start = tail?.end === end ? tail.start : end;
    const pages = Math.ceil((start + size - end) / pageBytes);
    if (end + pages * pageBytes > largestMemory) throw tooLarge(size, start, label);
    try {
      this.memory.grow(pages);
    } catch (error) {
      throw refused(size, start, label, error);
    }
    this.#buffer = this.memory.buffer;
    this.#words = new Int32Array(this.#buffer);
    this.#free = merged([...this.#free, { start: end, end: end + pages * pageBytes }]);
    const block = this.#free.at(-1);
    invariant(block !== undefined, "memory that has grown has a free block at its end");
    return block;
  }
}

/** The blocks sorted, those that touch as one. */
function merged(blocks: readonly Block[]): readonly Block[] {
  const result: Block[] = [];
  for (const block of blocks.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last?.end === block.start) result[result.length - 1] = { ...last, end: block.end };
    else result.push(block);
  }
  return result;
}

function tooLarge(size: number, used: number, label: string): BraidError {
  const message = `${label} takes ${showBytes(size)}`;
  const rest = `${showBytes(used)} of the ${showBytes(largestMemory)} that WebAssembly addresses are used`;
  return new BraidError("memory/full", `${message}, but ${rest}`, {
    hint: "use `--backend webgpu`, a smaller model, or a shorter prompt",
  });
}

function refused(size: number, used: number, label: string, cause: unknown): BraidError {
  const message = `${label} takes ${showBytes(size)} beside ${showBytes(used)}`;
  return new BraidError("memory/full", `${message}, which is refused: ${reasonOf(cause)}`, {
    hint: "close other programs, or use a smaller model or a shorter prompt",
    cause,
  });
}
