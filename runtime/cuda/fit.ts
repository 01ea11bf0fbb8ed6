/** Whether what was built suits a device: cubins by architecture, kernels by their shared memory. */

import type { PlanKernel } from "../contract.ts";
import { BraidError } from "../errors.ts";
import { showBytes } from "../show-bytes.ts";
import type { CudaDevice } from "./driver.ts";

/**
 * The one of `architectures` whose cubin runs on a device of `architecture`: its own, or the newest
 * of its generation that is older (CUDA C++ programming guide, "Binary Compatibility"). Undefined if
 * there is none.
 */
export function fittingCubin(
  architectures: readonly string[],
  architecture: string,
): string | undefined {
  const device = capability(architecture);
  return architectures
    .filter((each) => {
      const { major, minor } = capability(each);
      return major === device.major && minor <= device.minor;
    })
    .sort((a, b) => capability(b).minor - capability(a).minor)
    .at(0);
}

/** Throws `cuda/device` where a block of `kernel` has more shared memory than the device gives it. */
export function checkSharedMemory(
  { name, sharedBytes = 0 }: PlanKernel,
  device: Pick<CudaDevice, "name" | "architecture" | "sharedBytes">,
): void {
  if (sharedBytes <= device.sharedBytes) return;
  const needs = `the kernel ${name} needs ${showBytes(sharedBytes)} of shared memory`;
  const has = `${device.name} gives a block ${showBytes(device.sharedBytes)}`;
  throw new BraidError("cuda/device", `${needs}, but ${has}`, {
    hint: `build it for this device: \`--target cuda --architecture ${device.architecture}\``,
  });
}

/** `sm_90` is 9.0, `sm_100` is 10.0. */
function capability(architecture: string): { readonly major: number; readonly minor: number } {
  const digits = architecture.slice("sm_".length);
  return { major: Number(digits.slice(0, -1)), minor: Number(digits.slice(-1)) };
}
