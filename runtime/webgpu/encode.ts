/**
 * Commands as one WebGPU command buffer.
 *
 * A step of an answer differs from the one before by a few scalars: what commands bind and the numbers
 * of others are made once.
 */

import type { Command, DeviceBuffer, Slice } from "../backend.ts";
import type { PlanKernel } from "../contract.ts";
import { invariant } from "../errors.ts";
import { bufferUsage } from "./flags.ts";
import { type Pipeline, uniformSlotBytes } from "./pipelines.ts";

/** The memory of a buffer; `id` is its own for as long as the backend lives. */
export interface Memory {
  readonly gpu: GPUBuffer;
  readonly id: number;
}

/** Looks up the memory of a buffer. */
export type MemoryOf = (buffer: DeviceBuffer) => Memory;

/** The most work groups along one dimension, on every device. */
const largestGrid = 65_535;

const slotWords = uniformSlotBytes / 4;

type Dispatch = Extract<Command, { kind: "dispatch" }>;

/** What a command buffer has beside its commands. */
export interface Around {
  /** Written around kernels. */
  readonly timestamps?: GPUComputePassTimestampWrites;
  /** Ends the command buffer. */
  readonly atEnd?: (encoder: GPUCommandEncoder) => void;
}

/** Command buffers for one device, and what one leaves for the next. */
export class Encoder {
  readonly #device: GPUDevice;
  readonly #pipelines: ReadonlyMap<string, Pipeline>;
  readonly #memory: MemoryOf;
  /** By kernel and the memory that it is bound to. */
  readonly #bindGroups: Map<string, GPUBindGroup> = new Map();
  /** Those of commands whose list of memory was met before, with the kernel. */
  #known: WeakMap<readonly Slice[], { readonly kernel: string; readonly group: GPUBindGroup }> =
    new WeakMap();
  #bound = 0;
  readonly #numbers: WeakMap<Dispatch, string> = new WeakMap();
  /** The scalars of dispatches, a slot each, and what is in them. */
  #uniforms: GPUBuffer | undefined;
  #written: Int32Array = new Int32Array();

  constructor(device: GPUDevice, pipelines: ReadonlyMap<string, Pipeline>, memory: MemoryOf) {
    this.#device = device;
    this.#pipelines = pipelines;
    this.#memory = memory;
  }

  /** How often something was bound that was not bound before. */
  get bound(): number {
    return this.#bound;
  }

  /** Encodes `commands` and writes the scalars that are others than before. */
  encode(
    commands: readonly Command[],
    { timestamps, atEnd = () => undefined }: Around = {},
  ): GPUCommandBuffer {
    const slots = this.#layOutScalars(commands);
    this.#writeScalars(slots.data);
    const encoder = this.#device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    for (const command of commands) {
      if (command.kind === "copy") {
        pass?.end();
        pass = undefined;
        const { from, to, bytes, toOffset } = command;
        const [source, target] = [this.#memory(from.buffer).gpu, this.#memory(to.buffer).gpu];
        invariant(source !== target, `${command.label} copies within one buffer`);
        encoder.copyBufferToBuffer(source, from.offset, target, to.offset + toOffset, bytes);
        continue;
      }
      const pipeline = this.#pipelines.get(command.kernel);
      invariant(pipeline !== undefined, `no kernel ${command.kernel} was loaded`);
      pass ??= encoder.beginComputePass(
        timestamps === undefined ? {} : { timestampWrites: timestamps },
      );
      pass.setPipeline(pipeline.pipeline);
      pass.setBindGroup(0, this.#groupOf(command, pipeline), [slots.offsets.get(command) ?? 0]);
      // Beyond one row the grid is rows of full length; the kernel leaves out what is beyond
      // `groups`.
      const columns = Math.min(command.groups, largestGrid);
      pass.dispatchWorkgroups(columns, Math.ceil(command.groups / columns));
    }
    pass?.end();
    atEnd(encoder);
    return encoder.finish();
  }

  /** Says that memory was freed, which some bind groups may bind. */
  unbind(): void {
    this.#bindGroups.clear();
    this.#known = new WeakMap();
  }

  /** Frees its memory. */
  close(): void {
    this.#uniforms?.destroy();
  }

  #groupOf(command: Dispatch, pipeline: Pipeline): GPUBindGroup {
    const { kernel, buffers } = command;
    const known = this.#known.get(buffers);
    if (known?.kernel === kernel) return known.group;
    const key = bindingKey(command, this.#memory);
    const group = this.#bindGroups.get(key) ?? this.#bind(command, pipeline);
    this.#bindGroups.set(key, group);
    this.#known.set(buffers, { kernel, group });
    return group;
  }

  #bind({ label, buffers }: Dispatch, { kernel, layout }: Pipeline): GPUBindGroup {
    checkAliases(kernel, buffers, label);
    this.#bound++;
    invariant(this.#uniforms !== undefined, "a dispatch has a slot for its scalars");
    const storage = buffers.map(({ buffer, offset, bytes }, binding) => ({
      binding,
      resource: { buffer: this.#memory(buffer).gpu, offset, size: bytes },
    }));
    const scalars = {
      binding: buffers.length,
      resource: { buffer: this.#uniforms, offset: 0, size: uniformSlotBytes },
    };
    return this.#device.createBindGroup({
      label: `${kernel.name} (${label})`,
      layout,
      entries: [...storage, scalars],
    });
  }

  /**
   * The uniform data of all dispatches: the number of groups, then the scalars; equal ones share a
   * slot.
   */
  #layOutScalars(commands: readonly Command[]): {
    readonly data: Int32Array<ArrayBuffer>;
    readonly offsets: ReadonlyMap<Dispatch, number>;
  } {
    const slots = new Map<string, number>();
    const offsets = new Map<Dispatch, number>();
    const values: Dispatch[] = [];
    for (const command of commands) {
      if (command.kind !== "dispatch") continue;
      const key = this.#numbers.get(command) ?? [command.groups, ...command.scalars].join();
      this.#numbers.set(command, key);
      const slot = slots.get(key) ?? values.push(command) - 1;
      slots.set(key, slot);
      offsets.set(command, slot * uniformSlotBytes);
    }
    const data = new Int32Array(values.length * slotWords);
    for (const [slot, { groups, scalars }] of values.entries()) {
      data[slot * slotWords] = groups;
      data.set(scalars, slot * slotWords + 1);
    }
    return { data, offsets };
  }

  /** Writes `data` from the first word to the last that are not there from the call before. */
  #writeScalars(data: Int32Array<ArrayBuffer>): void {
    const bytes = data.byteLength;
    if (bytes > (this.#uniforms?.size ?? 0)) this.#makeUniforms(bytes);
    const written = this.#written;
    const differs = (word: number): boolean => word < data.length && data[word] !== written[word];
    let first = 0;
    while (first < data.length && !differs(first)) first++;
    // Deno 2.9 dies of an empty write.
    if (this.#uniforms === undefined || first === data.length) return;
    let end = data.length;
    while (!differs(end - 1)) end--;
    this.#device.queue.writeBuffer(this.#uniforms, first * 4, data, first, end - first);
    written.set(data.subarray(first, end), first);
  }

  /** A uniform buffer of at least `bytes` in place of the old one, which is bound no more. */
  #makeUniforms(bytes: number): void {
    this.#uniforms?.destroy();
    this.unbind();
    const size = Math.max(bytes, 64 * uniformSlotBytes);
    const usage = bufferUsage.uniform | bufferUsage.copyTarget;
    this.#uniforms = this.#device.createBuffer({ label: "scalars", size, usage });
    // New memory is zero.
    this.#written = new Int32Array(size / 4);
  }
}

function bindingKey({ kernel, buffers }: Dispatch, memory: MemoryOf): string {
  const parts = buffers.map((slice) => {
    return `${memory(slice.buffer).id}:${slice.offset}:${slice.bytes}`;
  });
  return `${kernel} ${parts.join(" ")}`;
}

/**
 * WebGPU lets a dispatch neither read and write one buffer through two bindings nor write a byte
 * twice.
 */
function checkAliases(kernel: PlanKernel, slices: readonly Slice[], label: string): void {
  for (const [index, slice] of slices.entries()) {
    const writes = kernel.buffers[index]?.access !== "read";
    for (const [earlier, other] of slices.slice(0, index).entries()) {
      if (other.buffer !== slice.buffer) continue;
      const otherWrites = kernel.buffers[earlier]?.access !== "read";
      const overlap =
        slice.offset < other.offset + other.bytes && other.offset < slice.offset + slice.bytes;
      const clash = writes !== otherWrites || (writes && overlap);
      invariant(
        !clash,
        `${kernel.name} (${label}) gets ${slice.buffer.label} twice, once to write`,
      );
    }
  }
}
