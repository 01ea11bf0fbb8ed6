/**
 * Things that a machine may lack: a test that needs one is skipped aloud without it, or fails where
 * `BRAID_REQUIRE` (names with commas between) says that this machine must have it.
 */

import { test } from "vitest";

/** What a test may need beyond Node. */
export type Capability =
  | "webgpu"
  | "webgpu-device"
  | "webgpu-f16"
  | "deno"
  | "cuda-compile"
  | "cuda-host"
  | "cuda-device"
  | "python"
  | "pytorch"
  | "chromium";

/** Whether `BRAID_REQUIRE` names the capability. */
export function isRequired(capability: Capability): boolean {
  return (process.env["BRAID_REQUIRE"] ?? "").split(",").includes(capability);
}

/**
 * Declares `name` as a test that needs `capability`. `found` is what provides it, or the reason why
 * it is missing.
 */
export function testWith<Provider>(
  capability: Capability,
  found: Provider | Missing,
  name: string,
  body: (provider: Provider) => Promise<void> | void,
): void {
  if (!(found instanceof Missing)) {
    test(name, () => body(found));
    return;
  }
  if (isRequired(capability)) {
    test(name, () => {
      throw new Error(`${capability} is required here: ${found.reason}`);
    });
    return;
  }
  console.warn(`skipped, no ${capability} (${found.reason}): ${name}`);
  test.skip(name, () => {});
}

/** Says that tests of `capability` are skipped, or fails where it is required. */
export function sayMissing(capability: Capability, { reason }: Missing): void {
  if (isRequired(capability)) throw new Error(`${capability} is required here: ${reason}`);
  console.warn(`skipped, no ${capability} (${reason}): all its tests`);
}

/** Why a capability is not there. */
export class Missing {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
