/** Runs CUDA text in the host shim, for tests of single kernels. */

import { hostProcess, kernelLibrary } from "../../support/cuda-host/compile.ts";
import { HostProcess, type LaunchCounts } from "../../support/cuda-host/process.ts";

type Data = Float32Array | Int32Array | Uint16Array;

/** Buffers in the kernel's order; a number is a buffer to write, of so many floats. */
export interface CudaCall {
  readonly kernel: string;
  readonly groups?: number;
  readonly threads: number;
  readonly dynamicBytes?: number;
  readonly buffers: Readonly<Record<string, Data | number>>;
  readonly scalars?: readonly number[];
}

/** What the kernel of that text writes, by buffer. Rejects with the shim's report. */
export async function runCuda(
  text: string,
  call: CudaCall,
): Promise<{
  readonly counts: LaunchCounts;
  readonly written: Readonly<Record<string, Float32Array>>;
}> {
  const library = await kernelLibrary([{ name: call.kernel, text }]);
  const host = new HostProcess(await hostProcess());
  try {
    await host.load(library);
    const buffers = [];
    for (const [name, data] of Object.entries(call.buffers)) {
      const bytes = typeof data === "number" ? data * 4 : data.byteLength;
      const address = await host.allocate(bytes);
      if (typeof data !== "number")
        await host.write(address, new Uint8Array(data.buffer, data.byteOffset, bytes));
      buffers.push({ name, address, bytes, writable: typeof data === "number" });
    }
    const { kernel, groups = 1, threads, dynamicBytes = 0, scalars = [] } = call;
    const counts = await host.launch({ kernel, groups, threads, dynamicBytes, buffers, scalars });
    const written: Record<string, Float32Array> = {};
    for (const { name, address, bytes, writable } of buffers) {
      if (writable) written[name] = new Float32Array(await host.read(address, bytes));
    }
    return { counts, written };
  } finally {
    host.close();
  }
}
