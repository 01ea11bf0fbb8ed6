/**
 * Memory for results, made ready while other threads compute them.
 *
 * The system clears a page of memory when a process first touches it, which takes several times as
 * long as to copy a result there. So a large buffer that was read is expected to be read again when
 * commands have used it again: while they run on all threads the calling one touches the pages of the
 * memory that its content will be given in, or copies rows there that are done (`pieces.ts`), and then
 * helps. Memory that is not asked for by the time the next commands use that buffer is given back, and
 * nothing is expected any more.
 */

import type { Command, DeviceBuffer } from "../backend.ts";

/** Results of so many bytes are expected: of fewer the memory is often one that was touched. */
const worthPreparing = 262_144;

/** The smallest pages that systems have. */
const pageBytes = 4096;

/** A part of a buffer that was read. */
export interface ReadPart {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** The memory of the large result that is expected next, if one is. */
export class ResultMemory {
  #expected: ReadPart | undefined;
  #ready: Uint8Array<ArrayBuffer> | undefined;
  /** Whether that holds the result already. */
  #isFilled: boolean = false;

  /** What is expected to be read after `commands`, if it is worth it to make memory ready. */
  expected(commands: readonly Command[]): ReadPart | undefined {
    const part = this.#expected;
    if (part === undefined || !commands.some((each) => usesBuffer(each, part.buffer))) return;
    if (this.#ready !== undefined) this.forget(part.buffer);
    return this.#expected;
  }

  /** Makes the memory of `part` ready, if there is enough. */
  prepare(part: ReadPart): void {
    const content = this.make(part);
    if (content === undefined) return;
    for (let at = 0; at < content.length; at += pageBytes) content[at] = 0;
    this.#ready = content;
  }

  /** Memory for `part`, if there is enough; whoever fills it says so (`fill`). */
  make({ buffer, bytes }: ReadPart): Uint8Array<ArrayBuffer> | undefined {
    try {
      return new Uint8Array(bytes);
    } catch {
      // Whoever reads the result is told that there is too little.
      this.forget(buffer);
      return undefined;
    }
  }

  /** Says that `content` holds all of `part`. */
  fill(part: ReadPart, content: Uint8Array<ArrayBuffer>): void {
    if (this.#expected !== part) return;
    this.#ready = content;
    this.#isFilled = true;
  }

  /** What `buffer` holds from `offset` on, `found`, in memory of its own; it is expected again. */
  read(buffer: DeviceBuffer, offset: number, found: Uint8Array): ArrayBuffer {
    const bytes = found.length;
    // Made from another list, memory is not cleared first.
    if (bytes < worthPreparing) return new Uint8Array(found).buffer;
    const before = this.#expected;
    const isSame = before?.buffer === buffer && before.offset === offset && before.bytes === bytes;
    const [ready, isFilled] = [this.#ready, this.#isFilled];
    this.forget(before?.buffer);
    this.#expected = isSame ? before : { buffer, offset, bytes };
    if (ready === undefined || !isSame) return new Uint8Array(found).buffer;
    if (!isFilled) ready.set(found);
    return ready.buffer;
  }

  /** Expects no result of `buffer`, whose content changes or is gone. */
  forget(buffer: DeviceBuffer | undefined): void {
    if (this.#expected?.buffer !== buffer) return;
    this.#expected = undefined;
    this.#ready = undefined;
    this.#isFilled = false;
  }
}

/** Whether a command reads or writes a buffer. */
export function usesBuffer(command: Command, buffer: DeviceBuffer): boolean {
  if (command.kind === "copy")
    return command.to.buffer === buffer || command.from.buffer === buffer;
  return command.buffers.some((each) => each.buffer === buffer);
}
