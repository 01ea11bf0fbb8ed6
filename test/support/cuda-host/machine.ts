/**
 * A CUDA machine without a device, of the runtime's own code over koffi and libraries that it finds by
 * the variables that a user has: a driver that runs kernels in the host shim (`runtime/driver.cpp`), and
 * an NVRTC that compiles for it.
 */

import { reasonOf } from "../../../runtime/errors.ts";
import { loadKoffi } from "../../../runtime/node/native.ts";
import { Missing } from "../require.ts";
import { hostCache, hostCompilerMissing, hostDriver, hostNvrtc } from "./compile.ts";

/** What `BRAID_HOST_CUDA` says of a machine (`runtime/driver.cpp`). */
export interface HostMachine {
  /** One of `sm_90` if absent. */
  readonly devices?: readonly string[];
  /** Of each device, in MiB. */
  readonly memory?: number;
  /** What the driver gives for its start, instead of success. */
  readonly init?: number;
  /** The kernel with which the devices are lost, counted from 1. */
  readonly lost?: number;
}

/** Variables with which a process finds such a machine. */
export async function hostVariables(machine: HostMachine = {}): Promise<Record<string, string>> {
  const [driver, nvrtc] = await Promise.all([hostDriver(), hostNvrtc()]);
  const words = Object.entries(machine).map(([name, value]) => `${name}=${value}`);
  return {
    BRAID_CUDA_DRIVER: driver,
    BRAID_NVRTC: nvrtc,
    BRAID_HOST_CUDA: words.join(" "),
    XDG_CACHE_HOME: hostCache,
  };
}

/** Makes this process one of that machine, for whoever opens its driver next. */
export async function plugIn(machine: HostMachine = {}): Promise<void> {
  Object.assign(process.env, await hostVariables(machine));
}

/** Why there can be no such machine here; undefined if there can. */
export const hostMachineMissing: Missing | undefined = await loadKoffi().then(
  hostCompilerMissing,
  (error) => new Missing(reasonOf(error).split("\n")[0] ?? ""),
);
