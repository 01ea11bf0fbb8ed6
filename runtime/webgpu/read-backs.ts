/**
 * Reading memory of the device back.
 *
 * What was read after a run is likely to be read after the next one that writes it: the token of each
 * step of an answer. Such a run copies it out in its own command buffer, to memory that stays, and
 * reading it is no more than to map that.
 */

import type { Command, DeviceBuffer } from "../backend.ts";
import type { MemoryOf } from "./encode.ts";
import { bufferUsage, mapForReading } from "./flags.ts";
import type { Pipeline } from "./pipelines.ts";

/** A part of a buffer that was read, and the memory that it is copied to. */
interface ReadBack {
  readonly buffer: DeviceBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly staging: GPUBuffer;
  /** Whether the copy is what the buffer holds once all that was submitted is done. */
  isCurrent: boolean;
  /** Whether it was read since it was last copied: what nobody reads is not copied again. */
  isWanted: boolean;
  /** Whether the copy is being mapped and must stay as it is. */
  isMapped: boolean;
}

/** So many parts are remembered: the outputs of a model, and sizes that it measures. */
const mostKept = 8;

/** More bytes than a row of logits has are not kept: they would be there twice. */
const largestKept = 4 * 2 ** 20;

/** What was read of the memory of one device. */
export class ReadBacks {
  readonly #device: GPUDevice;
  readonly #memory: MemoryOf;
  readonly #kept: Set<ReadBack> = new Set();

  constructor(device: GPUDevice, memory: MemoryOf) {
    this.#device = device;
    this.#memory = memory;
  }

  /** Ends a command buffer of `commands` with copies of what they write and somebody wants. */
  follow(
    encoder: GPUCommandEncoder,
    commands: readonly Command[],
    pipelines: ReadonlyMap<string, Pipeline>,
  ): void {
    for (const each of this.#kept) {
      if (!commands.some((command) => writes(command, each.buffer, pipelines))) continue;
      const copies = each.isWanted && !each.isMapped;
      if (copies) this.#copy(encoder, each);
      each.isCurrent = copies;
      each.isWanted = false;
    }
  }

  /** Says that what `buffer` holds, or what any does, may have changed otherwise. */
  changed(buffer?: DeviceBuffer): void {
    for (const each of this.#kept)
      if (buffer === undefined || each.buffer === buffer) each.isCurrent = false;
  }

  /** Forgets what was read of `buffer`, which is freed. */
  forget(buffer: DeviceBuffer): void {
    for (const each of this.#kept) if (each.buffer === buffer) this.#drop(each);
  }

  /** The bytes as they are once all that was submitted is done, in memory of their own. */
  async read(buffer: DeviceBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const found = this.#find(buffer, offset, bytes);
    // One who reads the same meanwhile has the copy.
    const isOwn = found?.isMapped === true || bytes > largestKept;
    const each = isOwn
      ? this.#make(buffer, offset, bytes)
      : (found ?? this.#keep(buffer, offset, bytes));
    each.isWanted = true;
    each.isMapped = true;
    try {
      if (!each.isCurrent) {
        const encoder = this.#device.createCommandEncoder();
        this.#copy(encoder, each);
        this.#device.queue.submit([encoder.finish()]);
        each.isCurrent = true;
      }
      await each.staging.mapAsync(mapForReading);
      const copy = each.staging.getMappedRange().slice(0);
      each.staging.unmap();
      return copy;
    } catch (error) {
      this.#kept.delete(each);
      throw error;
    } finally {
      each.isMapped = false;
      if (!this.#kept.has(each)) each.staging.destroy();
    }
  }

  /** Frees all. */
  close(): void {
    for (const each of this.#kept) this.#drop(each);
  }

  #find(buffer: DeviceBuffer, offset: number, bytes: number): ReadBack | undefined {
    for (const each of this.#kept)
      if (each.buffer === buffer && each.offset === offset && each.bytes === bytes) return each;
    return undefined;
  }

  #keep(buffer: DeviceBuffer, offset: number, bytes: number): ReadBack {
    const made = this.#make(buffer, offset, bytes);
    const [oldest] = this.#kept;
    if (oldest !== undefined && this.#kept.size >= mostKept) this.#drop(oldest);
    this.#kept.add(made);
    return made;
  }

  #make(buffer: DeviceBuffer, offset: number, bytes: number): ReadBack {
    const usage = bufferUsage.mapRead | bufferUsage.copyTarget;
    const staging = this.#device.createBuffer({ label: "read back", size: bytes, usage });
    const state = { isCurrent: false, isWanted: false, isMapped: false };
    return { buffer, offset, bytes, staging, ...state };
  }

  /** Whoever maps it destroys it when done. */
  #drop(each: ReadBack): void {
    this.#kept.delete(each);
    if (!each.isMapped) each.staging.destroy();
  }

  #copy(encoder: GPUCommandEncoder, { buffer, offset, bytes, staging }: ReadBack): void {
    encoder.copyBufferToBuffer(this.#memory(buffer).gpu, offset, staging, 0, bytes);
  }
}

function writes(
  command: Command,
  buffer: DeviceBuffer,
  pipelines: ReadonlyMap<string, Pipeline>,
): boolean {
  if (command.kind === "copy") return command.to.buffer === buffer;
  const declared = pipelines.get(command.kernel)?.kernel.buffers;
  return command.buffers.some(
    (slice, index) => slice.buffer === buffer && declared?.[index]?.access !== "read",
  );
}
