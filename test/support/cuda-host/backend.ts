/** CUDA text as a backend without a GPU: compiled by g++, run and checked by the host shim. */

import { dynamicSharedBytes } from "../../../compiler/codegen/cuda/shared.ts";
import { printCuda } from "../../../compiler/codegen/index.ts";
import type { Kernel } from "../../../compiler/kernel/kernel.ts";
import type { Backend, Command, DeviceBuffer } from "../../../runtime/backend.ts";
import { hostProcess, kernelLibrary } from "./compile.ts";
import { type HostLaunch, HostProcess } from "./process.ts";

/** Opens a process with these kernels. */
export async function openCudaHost(kernels: readonly Kernel[]): Promise<Backend> {
  const texts = kernels.map((kernel) => ({ name: kernel.name, text: printCuda(kernel) }));
  const [program, library] = await Promise.all([hostProcess(), kernelLibrary(texts)]);
  const host = new HostProcess(program);
  await host.load(library);
  const addresses = new Map<DeviceBuffer, bigint>();
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  const addressOf = (buffer: DeviceBuffer): bigint => {
    const address = addresses.get(buffer);
    if (address === undefined) throw new RangeError(`${buffer.label} is not allocated`);
    return address;
  };
  return {
    kind: "cuda",
    description: "CUDA on the CPU",
    target: "cuda",
    separatesReadsFromWrites: false,
    halves: ["f16", "bf16"],
    capacity: undefined,
    largestTensor: undefined,
    load: async () => undefined,
    allocate: async (bytes, label) => {
      const address = await host.allocate(bytes);
      if (address === 0n) throw new RangeError(`no memory is left for ${label}`);
      const buffer = { label, bytes };
      addresses.set(buffer, address);
      return buffer;
    },
    free: (buffer) => {
      // Requests are answered in order, so a failure shows at the next one.
      void host.release(addressOf(buffer));
      addresses.delete(buffer);
    },
    upload: (buffer, offset, data) =>
      host.write(
        addressOf(buffer) + BigInt(offset),
        new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      ),
    download: (buffer, offset, bytes) => host.read(addressOf(buffer) + BigInt(offset), bytes),
    run: async (commands) => {
      await Promise.all(commands.map((command) => run(host, command, byName, addressOf)));
    },
    finish: async () => undefined,
    close: () => host.close(),
  };
}

async function run(
  host: HostProcess,
  command: Command,
  kernels: ReadonlyMap<string, Kernel>,
  addressOf: (buffer: DeviceBuffer) => bigint,
): Promise<void> {
  if (command.kind === "copy") {
    const { from, to, bytes, toOffset } = command;
    const source = addressOf(from.buffer) + BigInt(from.offset);
    await host.copy(addressOf(to.buffer) + BigInt(to.offset + toOffset), source, bytes);
    return;
  }
  const kernel = kernels.get(command.kernel);
  if (kernel === undefined) throw new RangeError(`no kernel ${command.kernel}`);
  const launch: HostLaunch = {
    kernel: command.kernel,
    groups: command.groups,
    threads: kernel.workgroupSize,
    dynamicBytes: dynamicSharedBytes(kernel.arrays),
    buffers: command.buffers.map(({ buffer, offset, bytes }, index) => ({
      name: kernel.buffers[index]?.name ?? buffer.label,
      address: addressOf(buffer) + BigInt(offset),
      bytes,
      writable: kernel.buffers[index]?.access !== "read",
    })),
    scalars: command.scalars,
  };
  await host.launch(launch);
}
