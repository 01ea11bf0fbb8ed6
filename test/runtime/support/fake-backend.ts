/**
 * A backend whose kernels are JavaScript functions, with a log of what it was asked to do.
 *
 * It checks what a device would: bounds, alignment, use after free, reads and writes of one buffer.
 * Memory starts as NaN, so that whoever reads what nobody wrote is found out.
 */

import type { Backend, Command, DeviceBuffer, Slice } from "../../../runtime/backend.ts";
import { bufferAlignment } from "../../../runtime/backend.ts";
import type { CompiledModel, PlanKernel } from "../../../runtime/contract.ts";
import { invariant } from "../../../runtime/errors.ts";

/** The memory of one kernel argument, in both element types. */
export interface View {
  readonly f32: Float32Array;
  readonly i32: Int32Array;
}

/** What a kernel does for one group. */
export type FakeKernel = (
  group: number,
  buffers: readonly View[],
  scalars: readonly number[],
) => void;

/** The fake and what was asked of it. */
export interface FakeBackend extends Backend {
  /** `kernel label groups`, `copy label bytes`, `upload label`, `free label`. */
  readonly log: readonly string[];
  /** The labels of buffers that are allocated now. */
  live(): readonly string[];
  clearLog(): void;
  /** Throws this from the next `run`, once. */
  failNext(error: Error): void;
}

/** A fake with these kernels, by name. */
export function fakeBackend(
  kernels: Readonly<Record<string, FakeKernel>>,
  separatesReadsFromWrites: boolean = true,
): FakeBackend {
  const memory = new Map<DeviceBuffer, ArrayBuffer>();
  const declared = new Map<string, PlanKernel>();
  const log: string[] = [];
  let failure: Error | undefined;
  return {
    kind: "cpu",
    description: "a fake",
    target: "gpu",
    separatesReadsFromWrites,
    halves: [],
    capacity: undefined,
    largestTensor: 1 << 16,
    log,
    live: () => [...memory.keys()].map(({ label }) => label),
    clearLog: () => log.splice(0),
    failNext: (error) => {
      failure = error;
    },
    async load(model: CompiledModel, _names: ReadonlySet<string>, progress) {
      for (const kernel of model.plan.kernels) declared.set(kernel.name, kernel);
      progress?.(1, 1);
    },
    async allocate(bytes, label) {
      const buffer = { label, bytes };
      const content = new ArrayBuffer(bytes);
      new Float32Array(content).fill(Number.NaN);
      memory.set(buffer, content);
      return buffer;
    },
    free(buffer) {
      log.push(`free ${buffer.label}`);
      contentOf(buffer);
      memory.delete(buffer);
    },
    async upload(buffer, offset, data) {
      log.push(`upload ${buffer.label}`);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      new Uint8Array(contentOf(buffer), offset, bytes.length).set(bytes);
    },
    async download(buffer, offset, bytes) {
      return contentOf(buffer).slice(offset, offset + bytes);
    },
    async run(commands) {
      if (failure !== undefined) {
        const error = failure;
        failure = undefined;
        throw error;
      }
      for (const command of commands) execute(command);
    },
    async finish() {},
    close() {
      memory.clear();
    },
  };

  function contentOf(buffer: DeviceBuffer): ArrayBuffer {
    const content = memory.get(buffer);
    invariant(content !== undefined, `${buffer.label} is used after it was freed`);
    return content;
  }

  function view({ buffer, offset, bytes }: Slice): View {
    invariant(offset % bufferAlignment === 0, `${buffer.label} is used at ${offset}`);
    const content = contentOf(buffer);
    return {
      f32: new Float32Array(content, offset, bytes / 4),
      i32: new Int32Array(content, offset, bytes / 4),
    };
  }

  function execute(command: Command): void {
    if (command.kind === "copy") {
      const { label, from, to, bytes, toOffset } = command;
      log.push(`copy ${label} ${bytes}`);
      const source = new Uint8Array(contentOf(from.buffer), from.offset, bytes);
      new Uint8Array(contentOf(to.buffer), to.offset + toOffset, bytes).set(source);
      return;
    }
    log.push(`${command.kernel} ${command.label} ${command.groups}`);
    checkBindings(command);
    const run = kernels[command.kernel];
    invariant(run !== undefined, `no kernel ${command.kernel}`);
    const views = command.buffers.map(view);
    for (let group = 0; group < command.groups; group++) run(group, views, command.scalars);
  }

  function checkBindings({ kernel, buffers }: Extract<Command, { kind: "dispatch" }>): void {
    const access = declared.get(kernel)?.buffers ?? [];
    if (!separatesReadsFromWrites) return;
    const written = new Set(
      buffers.filter((_, index) => access[index]?.access !== "read").map(bufferOf),
    );
    const read = buffers.filter((_, index) => access[index]?.access === "read").map(bufferOf);
    const both = read.find((buffer) => written.has(buffer));
    invariant(both === undefined, `${kernel} reads and writes ${both?.label}`);
  }
}

function bufferOf({ buffer }: Slice): DeviceBuffer {
  return buffer;
}
