/**
 * A CUDA machine without a device: the runtime's own code over koffi, and below it a driver that runs
 * kernels in the host shim (`cuda-host/runtime/driver.cpp`).
 */

import { readFile } from "node:fs/promises";
import type { CudaPlatform } from "../../runtime/cuda/backend.ts";
import { nodeCuda } from "../../runtime/node/cuda.ts";
import { loadKoffi } from "../../runtime/node/native.ts";
import { hostCompilerMissing, hostDriver, kernelLibrary } from "./cuda-host/compile.ts";
import { Missing } from "./require.ts";

/** What the driver finds: `device` if nothing is wrong with it. */
export type FakeMachine = "device" | "no-device" | "too-old" | "broken" | "full";

/** Makes the driver of this process one that finds `machine`, whoever opens it next. */
export async function plugIn(machine: FakeMachine): Promise<void> {
  process.env["BRAID_CUDA_DRIVER"] = await hostDriver();
  process.env["BRAID_FAKE_CUDA"] = machine;
}

/** What the driver takes for a cubin with these kernels. */
export async function fakeCubin(kernels: ReadonlyMap<string, string>): Promise<Uint8Array> {
  const texts = [...kernels].map(([name, text]) => ({ name, text }));
  return new Uint8Array(await readFile(await kernelLibrary(texts)));
}

/** CUDA on such a machine, with a compiler that makes what its driver takes. */
export async function fakePlatform(machine: FakeMachine): Promise<CudaPlatform> {
  await plugIn(machine);
  return {
    ...(await nodeCuda()),
    compile: async (kernels) => [await fakeCubin(kernels)],
    canCompile: async () => true,
  };
}

/** Why there is no shared library to be called here; undefined if there can be. */
export const noKoffi: Missing | undefined = await loadKoffi().then(
  () => undefined,
  () => new Missing("no package `koffi`"),
);

/** `fakePlatform`, or why it cannot be had here. */
export const fakeCuda: Missing | typeof fakePlatform =
  noKoffi ?? (await hostCompilerMissing()) ?? fakePlatform;
