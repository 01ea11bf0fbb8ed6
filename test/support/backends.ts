/** Every backend that tests run on: one suite, one line each. */

import { encodeWasm, printWgsl } from "../../compiler/codegen/index.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import { type Target, targets } from "../../compiler/kernel/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { CompiledModel } from "../../runtime/contract.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { createWebGpuBackend } from "../../runtime/webgpu/backend.ts";
import { evaluateBackend } from "./evaluate-backend.ts";
import { openCudaHost } from "./cuda-host/backend.ts";
import { hostCompilerMissing } from "./cuda-host/compile.ts";
import { sayMissing } from "./require.ts";
import { testGpu } from "../runtime/support/gpu.ts";

/** A backend under test. */
export interface TestedBackend {
  readonly name: string;
  readonly target: Target;
  /** Opens it for these kernels. */
  readonly open: (kernels: readonly Kernel[]) => Promise<Backend>;
  readonly code: (kernels: readonly Kernel[]) => Omit<CompiledModel, "plan">;
  /** Why it cannot run here. */
  readonly missing: string | undefined;
}

/** Kernel IR by its definition, the CPU's WebAssembly, and WebGPU where there is an adapter. */
export async function testedBackends(): Promise<readonly TestedBackend[]> {
  const [gpu, noHost] = await Promise.all([testGpu(), hostCompilerMissing()]);
  if (noHost !== undefined) sayMissing("cuda-host", noHost);
  return [
    {
      name: "evaluate",
      target: targets.software,
      open: async (kernels) => evaluateBackend(kernels, "gpu"),
      code: () => ({}),
      missing: undefined,
    },
    {
      name: "cpu",
      target: targets.cpu,
      open: async () => createCpuBackend(),
      code: (kernels) => ({ wasm: encodeWasm(kernels) }),
      missing: undefined,
    },
    {
      name: "webgpu",
      target: targets.software,
      open: () => createWebGpuBackend(gpu),
      code: (kernels) => ({ wgsl: new Map(kernels.map((each) => [each.name, printWgsl(each)])) }),
      missing: gpu === undefined ? "no WebGPU adapter" : undefined,
    },
    {
      name: "cuda-host",
      target: targets.cuda,
      open: openCudaHost,
      code: () => ({}),
      missing: noHost?.reason,
    },
  ];
}
