/** Every backend that tests run on: one suite, one line each. */

import { encodeWasm, printWgsl } from "../../compiler/codegen/index.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import type { ErrorOptions } from "../../compiler/graph/estimate-error.ts";
import { cudaTarget } from "../../compiler/kernel/architectures.ts";
import { type Target, targets } from "../../compiler/kernel/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { CompiledModel } from "../../runtime/contract.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { createWebGpuBackend } from "../../runtime/webgpu/backend.ts";
import { evaluateBackend } from "./evaluate-backend.ts";
import { openCudaHost } from "./cuda-host/backend.ts";
import { hostCompilerMissing } from "./cuda-host/compile.ts";
import { sayMissing } from "./require.ts";
import { unitRoundoff } from "./tolerance.ts";
import { testGpu } from "../runtime/support/gpu.ts";

/** A backend under test. */
export interface TestedBackend {
  readonly name: string;
  readonly target: Target;
  /** How far off its kernels may be: as kernels in f32, or with factors rounded to less. */
  readonly errors: ErrorOptions;
  /** Whether it is to run case `seed` of several: backends that differ little share the cases. */
  readonly takes: (seed: number) => boolean;
  /** Opens it for these kernels. */
  readonly open: (kernels: readonly Kernel[]) => Promise<Backend>;
  readonly code: (kernels: readonly Kernel[]) => Omit<CompiledModel, "plan">;
  /** Why it cannot run here. */
  readonly missing: string | undefined;
}

/** What the names of tested backends begin with; CUDA's go on with an arithmetic. */
export const backendNames: readonly string[] = ["evaluate", "cpu", "webgpu", "cuda-host"];

/** Kernel IR by its definition, the CPU's WebAssembly, and WebGPU where there is an adapter. */
export async function testedBackends(): Promise<readonly TestedBackend[]> {
  const [gpu, noHost] = await Promise.all([testGpu(), hostCompilerMissing()]);
  if (noHost !== undefined) sayMissing("cuda-host", noHost);
  return [
    {
      name: "evaluate",
      target: targets.software,
      errors: {},
      takes: () => true,
      open: async (kernels) => evaluateBackend(kernels, "gpu"),
      code: () => ({}),
      missing: undefined,
    },
    {
      name: "cpu",
      target: targets.cpu,
      errors: {},
      takes: () => true,
      open: async () => createCpuBackend(),
      code: (kernels) => ({ wasm: encodeWasm(kernels) }),
      missing: undefined,
    },
    {
      name: "webgpu",
      target: targets.software,
      errors: {},
      takes: () => true,
      open: () => createWebGpuBackend(gpu),
      code: (kernels) => ({ wgsl: new Map(kernels.map((each) => [each.name, printWgsl(each)])) }),
      missing: gpu === undefined ? "no WebGPU adapter" : undefined,
    },
    ...cudaMath.map(
      (math, index): TestedBackend => ({
        name: `cuda-host ${math}`,
        target: cudaTarget("sm_80", math),
        errors: math === "f32" ? {} : { factorUnit: unitRoundoff[math] },
        takes: (seed) => everyArithmetic || seed % cudaMath.length === index,
        open: openCudaHost,
        code: () => ({}),
        missing: noHost?.reason,
      }),
    ),
  ];
}

/** `npm test -- conformance cuda-host` runs every case in every arithmetic, which takes long. */
const everyArithmetic = process.env["BRAID_EVERY_ARITHMETIC"] !== undefined;

/** How tensor cores multiply, and exactly. */
const cudaMath = ["f32", "tf32", "f16", "bf16"] as const;
