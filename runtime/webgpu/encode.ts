/**
 * Commands as one WebGPU command buffer.
 */

import type { Command, DeviceBuffer, Slice } from "../backend.ts";
import type { PlanKernel } from "../contract.ts";
import { invariant } from "../errors.ts";
import { bufferUsage } from "./flags.ts";
import { type Pipeline, uniformSlotBytes } from "./pipelines.ts";

/** What one encoding leaves for the next. */
export interface Encoding {
  /** By kernel and the memory that it is bound to. Cleared when memory is freed. */
  readonly bindGroups: Map<string, GPUBindGroup>;
  /** The scalars of the last dispatches, a slot each. */
  readonly uniforms: GPUBuffer | undefined;
}

/** The memory of a buffer; `id` is its own for as long as the backend lives. */
export interface Memory {
  readonly gpu: GPUBuffer;
  readonly id: number;
}

/** Looks up the memory of a buffer. */
export type MemoryOf = (buffer: DeviceBuffer) => Memory;

/** The most work groups along one dimension, on every device. */
const largestGrid = 65_535;

type Dispatch = Extract<Command, { kind: "dispatch" }>;

/**
 * Encodes `commands` and writes their scalars; `memory` gives the memory of a buffer. `timestamps` are
 * written around kernels.
 */
export function encode(
  device: GPUDevice,
  commands: readonly Command[],
  pipelines: ReadonlyMap<string, Pipeline>,
  before: Encoding,
  memory: MemoryOf,
  timestamps?: GPUComputePassTimestampWrites,
): { readonly commands: GPUCommandBuffer; readonly encoding: Encoding } {
  const slots = layOutScalars(commands);
  const encoding = withUniforms(device, before, slots.data.byteLength);
  const { uniforms, bindGroups } = encoding;
  // Deno 2.9 dies of an empty write.
  const scalars = slots.data.byteLength > 0 ? uniforms : undefined;
  if (scalars !== undefined) device.queue.writeBuffer(scalars, 0, slots.data);
  const encoder = device.createCommandEncoder();
  let pass: GPUComputePassEncoder | undefined;
  for (const command of commands) {
    if (command.kind === "copy") {
      pass?.end();
      pass = undefined;
      const { from, to, bytes, toOffset } = command;
      const [source, target] = [memory(from.buffer).gpu, memory(to.buffer).gpu];
      invariant(source !== target, `${command.label} copies within one buffer`);
      encoder.copyBufferToBuffer(source, from.offset, target, to.offset + toOffset, bytes);
      continue;
    }
    const pipeline = pipelines.get(command.kernel);
    invariant(pipeline !== undefined, `no kernel ${command.kernel} was loaded`);
    invariant(uniforms !== undefined, "a dispatch has a slot for its scalars");
    pass ??= encoder.beginComputePass(
      timestamps === undefined ? {} : { timestampWrites: timestamps },
    );
    const key = bindingKey(command, memory);
    const group = bindGroups.get(key) ?? bind(device, command, pipeline, uniforms, memory);
    bindGroups.set(key, group);
    pass.setPipeline(pipeline.pipeline);
    pass.setBindGroup(0, group, [slots.offsets.get(command) ?? 0]);
    // Beyond one row the grid is rows of full length; the kernel leaves out what is beyond
    // `groups`.
    const columns = Math.min(command.groups, largestGrid);
    pass.dispatchWorkgroups(columns, Math.ceil(command.groups / columns));
  }
  pass?.end();
  return { commands: encoder.finish(), encoding };
}

/**
 * The uniform data of all dispatches: the number of groups, then the scalars; equal ones share a
 * slot.
 */
function layOutScalars(commands: readonly Command[]): {
  readonly data: Int32Array<ArrayBuffer>;
  readonly offsets: ReadonlyMap<Dispatch, number>;
} {
  const slots = new Map<string, number>();
  const offsets = new Map<Dispatch, number>();
  const values: (readonly number[])[] = [];
  for (const command of commands) {
    if (command.kind !== "dispatch") continue;
    const numbers = [command.groups, ...command.scalars];
    const key = numbers.join();
    const slot = slots.get(key) ?? values.push(numbers) - 1;
    slots.set(key, slot);
    offsets.set(command, slot * uniformSlotBytes);
  }
  const words = uniformSlotBytes / 4;
  const data = new Int32Array(values.length * words);
  for (const [slot, numbers] of values.entries()) data.set(numbers, slot * words);
  return { data, offsets };
}

/** A uniform buffer of at least `bytes`; a new one unbinds what was bound to the old. */
function withUniforms(device: GPUDevice, before: Encoding, bytes: number): Encoding {
  if (bytes <= (before.uniforms?.size ?? 0)) return before;
  before.uniforms?.destroy();
  const usage = bufferUsage.uniform | bufferUsage.copyTarget;
  const size = Math.max(bytes, 64 * uniformSlotBytes);
  return {
    bindGroups: new Map(),
    uniforms: device.createBuffer({ label: "scalars", size, usage }),
  };
}

function bindingKey({ kernel, buffers }: Dispatch, memory: MemoryOf): string {
  const parts = buffers.map((slice) => {
    return `${memory(slice.buffer).id}:${slice.offset}:${slice.bytes}`;
  });
  return `${kernel} ${parts.join(" ")}`;
}

function bind(
  device: GPUDevice,
  { label, buffers }: Dispatch,
  { kernel, layout }: Pipeline,
  uniforms: GPUBuffer,
  memory: MemoryOf,
): GPUBindGroup {
  checkAliases(kernel, buffers, label);
  const storage = buffers.map(({ buffer, offset, bytes }, binding) => ({
    binding,
    resource: { buffer: memory(buffer).gpu, offset, size: bytes },
  }));
  const scalars = {
    binding: buffers.length,
    resource: { buffer: uniforms, offset: 0, size: uniformSlotBytes },
  };
  return device.createBindGroup({
    label: `${kernel.name} (${label})`,
    layout,
    entries: [...storage, scalars],
  });
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
