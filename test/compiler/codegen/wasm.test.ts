/** WebAssembly computes what kernels mean. */

import { test } from "vitest";
import { expectClose, launches } from "../kernel/cases.ts";
import { sampleKernels } from "../kernel/samples.ts";
import { runWasm } from "./run-wasm.ts";

for (const [name, kernel] of Object.entries(sampleKernels)) {
  if (kernel.workgroupSize > 1) continue;
  test(`${name} as WebAssembly computes the same`, () => {
    for (const { launch, wanted, tolerance } of launches(kernel)) {
      runWasm(kernel, launch);
      for (const [buffer, values] of Object.entries(wanted)) {
        expectClose(launch.buffers[buffer], values, tolerance);
      }
    }
  });
}
