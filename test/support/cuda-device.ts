/** An NVIDIA device for tests, through the runtime's own backend, where there is one. */

import type { Backend } from "../../runtime/backend.ts";
import { type CudaPlatform, findCudaDevice, openCudaBackend } from "../../runtime/cuda/backend.ts";
import { type CudaDevice, CudaDriver } from "../../runtime/cuda/driver.ts";
import { reasonOf } from "../../runtime/errors.ts";
import { nodeCuda } from "../../runtime/node/cuda.ts";
import { Missing } from "./require.ts";

/** A device, and how to open it. */
export interface CudaMachine {
  readonly device: CudaDevice;
  open(): Backend;
}

/** The first device that kernels can be compiled for, or why there is none. */
export async function cudaMachine(): Promise<CudaMachine | Missing> {
  let platform: CudaPlatform;
  let device: CudaDevice;
  try {
    platform = await nodeCuda();
    device = findCudaDevice(platform);
  } catch (error) {
    return new Missing(reasonOf(error).split("\n")[0] ?? "");
  }
  if (!(await platform.canCompile())) return new Missing("no NVRTC and no nvcc");
  // Held until the process ends: a device starts anew, slowly, when nobody has it open.
  const held = new CudaDriver(platform.library, device);
  return { device: held.device, open: () => openCudaBackend(platform, device) };
}
