/**
 * Memory for results, made ready while other threads compute them.
 *
 * The system clears a page of memory when a process first touches it, which takes several times as
 * long as to copy a result there. So a large buffer that was read is expected to be read again when
 * commands have used it again: while the first of them runs on all threads the calling one touches
 * the pages of the memory that its content will be given in, and then helps. Memory that is not asked
 * for by the time the next commands use that buffer is given back, and nothing is expected any more.
 */

import type { Command, DeviceBuffer } from "../backend.ts";

/** Results of so many bytes are expected: of fewer the memory is often one that was touched. */
const worthPreparing = 262_144;

/** The smallest pages that systems have. */
const pageBytes = 4096;

/** The memory of the large result that is expected next, if one is. */
export class ResultMemory {
  #expected: DeviceBuffer | undefined;
  #bytes: number = 0;
  #ready: ArrayBuffer | undefined;

  /** Whether memory should be made ready while `commands` run. */
  expects(commands: readonly Command[]): boolean {
    const expected = this.#expected;
    if (expected === undefined || !commands.some((each) => uses(each, expected))) return false;
    if (this.#ready !== undefined) this.forget(expected);
    return this.#expected !== undefined;
  }

  /** Makes the memory that is expected ready, if there is enough. */
  prepare(): void {
    try {
      const content = new Uint8Array(this.#bytes);
      for (let at = 0; at < content.length; at += pageBytes) content[at] = 0;
      this.#ready = content.buffer;
    } catch {
      // Whoever reads the result is told that there is too little.
      this.#expected = undefined;
    }
  }

  /** The memory for `bytes` of `buffer`, if it is ready; from now on it is expected again. */
  take(buffer: DeviceBuffer, bytes: number): ArrayBuffer | undefined {
    if (bytes < worthPreparing) return undefined;
    const isExpected = this.#expected === buffer && this.#bytes === bytes;
    const ready = isExpected ? this.#ready : undefined;
    this.#expected = buffer;
    this.#bytes = bytes;
    this.#ready = undefined;
    return ready;
  }

  /** Expects no result of `buffer`. */
  forget(buffer: DeviceBuffer): void {
    if (this.#expected !== buffer) return;
    this.#expected = undefined;
    this.#ready = undefined;
  }
}

function uses(command: Command, buffer: DeviceBuffer): boolean {
  if (command.kind === "copy") return command.to.buffer === buffer;
  return command.buffers.some((each) => each.buffer === buffer);
}
