/** A backend that runs kernel IR by its definition: the slow truth that printed kernels are held to. */

import type { Backend, Command, DeviceBuffer, Slice } from "../../runtime/backend.ts";
import { evaluateKernel, type Launch } from "../../compiler/kernel/evaluate.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";

/** Runs `kernels` with `evaluateKernel`, on host memory; `subgroupSize` for those that have subgroups. */
export function evaluateBackend(
  kernels: readonly Kernel[],
  target: "cpu" | "gpu",
  subgroupSize: number = Number.NaN,
): Backend {
  const memory = new Map<DeviceBuffer, ArrayBuffer>();
  const byName = new Map(kernels.map((each) => [each.name, each]));
  const bytesOf = (buffer: DeviceBuffer): ArrayBuffer => {
    const bytes = memory.get(buffer);
    if (bytes === undefined) throw new RangeError(`${buffer.label} is not allocated`);
    return bytes;
  };
  const at = ({ buffer, offset, bytes }: Slice): Uint8Array =>
    new Uint8Array(bytesOf(buffer), offset, bytes);
  const run = (command: Command): void => {
    if (command.kind === "copy") {
      at(command.to).set(at(command.from).subarray(0, command.bytes), command.toOffset);
      return;
    }
    const kernel = byName.get(command.kernel);
    if (kernel === undefined) throw new RangeError(`no kernel ${command.kernel}`);
    const { groups, scalars } = command;
    evaluateCall(kernel, { groups, subgroupSize }, command.buffers.map(at), scalars);
  };
  return {
    kind: "cpu",
    description: "kernel IR, evaluated",
    target,
    separatesReadsFromWrites: false,
    halves: ["f16", "bf16"],
    capacity: undefined,
    largestTensor: undefined,
    load: async () => undefined,
    allocate: async (bytes, label) => {
      const buffer = { label, bytes };
      memory.set(buffer, new ArrayBuffer(bytes));
      return buffer;
    },
    free: (buffer) => {
      memory.delete(buffer);
    },
    upload: async (buffer, offset, data) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      new Uint8Array(bytesOf(buffer), offset, bytes.length).set(bytes);
    },
    download: async (buffer, offset, bytes) => bytesOf(buffer).slice(offset, offset + bytes),
    run: async (commands) => {
      for (const command of commands) run(command);
    },
    finish: async () => undefined,
    close: () => memory.clear(),
  };
}

/** Runs `kernel`; `buffers` and `scalars` are in the kernel's order. */
function evaluateCall(
  kernel: Kernel,
  launch: Pick<Launch, "groups" | "subgroupSize">,
  buffers: readonly Uint8Array[],
  scalars: readonly number[],
): void {
  const views = kernel.buffers.map(({ name, element }, index) => {
    const bytes = buffers[index];
    if (bytes === undefined) throw new RangeError(`${kernel.name} gets no ${name}`);
    const { buffer, byteOffset, byteLength } = bytes;
    const view =
      element === "f32"
        ? new Float32Array(buffer, byteOffset, byteLength / 4)
        : element === "i32"
          ? new Int32Array(buffer, byteOffset, byteLength / 4)
          : new Uint16Array(buffer, byteOffset, byteLength / 2);
    return [name, view] as const;
  });
  evaluateKernel(kernel, {
    ...launch,
    buffers: Object.fromEntries(views),
    scalars: Object.fromEntries(kernel.scalars.map((name, index) => [name, scalars[index] ?? 0])),
  });
}
