/** Legalized kernels compute what the kernels they come from compute. */

import { expect, test } from "vitest";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import type { KernelTarget } from "../../../compiler/kernel/passes/legalize.ts";
import { legalize } from "../../../compiler/kernel/passes/legalize.ts";
import { verifyKernel } from "../../../compiler/kernel/verify.ts";
import { someStatement } from "../../../compiler/kernel/rewrite.ts";
import { expectClose, launches } from "./cases.ts";
import { sampleKernels } from "./samples.ts";

const targets: readonly KernelTarget[] = ["wasm", "wgsl", "cuda"];

for (const target of targets) {
  for (const [name, kernel] of Object.entries(sampleKernels)) {
    test(`${name} for ${target} computes the same and has no tiles`, () => {
      const legal = legalize(kernel, target);
      verifyKernel(legal);
      expect(someStatement(legal.body, (each) => each.kind.startsWith("tile"))).toBe(false);
      for (const { launch, wanted, tolerance } of launches(kernel)) {
        evaluateKernel(legal, launch);
        for (const [buffer, values] of Object.entries(wanted)) {
          expectClose(launch.buffers[buffer], values, tolerance);
        }
      }
    });
  }
}
