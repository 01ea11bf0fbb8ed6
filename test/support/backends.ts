/** Every backend that tests run on: one suite, one line each. */

import { encodeWasm, printCuda, printWgsl, throughMatrices } from "../../compiler/codegen/index.ts";
import type { HalfElement } from "../../compiler/kernel/half.ts";
import { type Kernel, warpSize } from "../../compiler/kernel/kernel.ts";
import type { ErrorOptions } from "../../compiler/graph/estimate-error.ts";
import { cudaTarget, deviceTarget } from "../../compiler/kernel/architectures.ts";
import {
  subgroupsOf,
  throughMemory,
  throughSubgroups,
} from "../../compiler/kernel/passes/across.ts";
import { matrixElements } from "../../compiler/kernel/passes/blocks.ts";
import { type Target, targets } from "../../compiler/kernel/target.ts";
import type { Backend } from "../../runtime/backend.ts";
import {
  type CompiledModel,
  fitsSubgroups,
  fittingMatrices,
  matrixName,
  type MatrixShape,
  type SubgroupRange,
} from "../../runtime/contract.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { createWebGpuBackend } from "../../runtime/webgpu/backend.ts";
import { findAdapter } from "../../runtime/webgpu/device.ts";
import { evaluateBackend } from "./evaluate-backend.ts";
import { type CudaMachine, cudaMachine } from "./cuda-device.ts";
import { openCudaHost } from "./cuda-host/backend.ts";
import { hostCompilerMissing } from "./cuda-host/compile.ts";
import { Missing, sayMissing } from "./require.ts";
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

/**
 * What the names of tested backends begin with that need no special machine; CUDA's go on with an
 * arithmetic.
 */
export const backendNames: readonly string[] = ["evaluate", "cpu", "webgpu", "cuda-host"];

/**
 * Kernel IR by its definition, the CPU's WebAssembly, and where they are to be had WebGPU, CUDA in the
 * host shim and CUDA on a device.
 */
export async function testedBackends(): Promise<readonly TestedBackend[]> {
  const [gpu, noHost, device] = await Promise.all([
    testGpu(),
    hostCompilerMissing(),
    cudaMachine(),
  ]);
  const adapter = await findAdapter(gpu);
  if (noHost !== undefined) sayMissing("cuda-host", noHost);
  if (device instanceof Missing) sayMissing("cuda-device", device);
  return [
    {
      name: "evaluate",
      target: inTiles(targets.software),
      errors: {},
      takes: () => true,
      open: async (kernels) => evaluateBackend(kernels, "gpu"),
      code: () => ({}),
      missing: undefined,
    },
    {
      name: "evaluate f16",
      target: inTiles({ ...targets.software, storage: "f16" }),
      errors: storedErrors("f16"),
      takes: (seed) => seed % halfShare === 0,
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
      code: (kernels) => ({ wasm: encodeWasm(kernels, platformMultiplyAdd()) }),
      missing: undefined,
    },
    {
      name: "cpu separate",
      target: targets.cpu,
      errors: {},
      takes: (seed) => seed % separateShare === 0,
      open: async () => createCpuBackend({ multiplyAdd: "separate" }),
      code: (kernels) => ({ wasm: encodeWasm(kernels, "separate") }),
      missing: undefined,
    },
    {
      name: "webgpu",
      // What a user of this adapter would get.
      target: adapter?.software === false ? targets.gpu : targets.software,
      errors: {},
      takes: () => true,
      open: () => createWebGpuBackend(gpu),
      code: (kernels) => wgslCode(kernels, adapter?.subgroups),
      missing: gpu === undefined ? "no WebGPU adapter" : undefined,
    },
    {
      name: "webgpu f16",
      target: {
        ...(adapter?.software === false ? targets.gpu : targets.software),
        storage: "f16",
      },
      errors: storedErrors("f16"),
      takes: (seed) => seed % halfShare === 0,
      open: () => createWebGpuBackend(gpu),
      code: (kernels) => wgslCode(kernels, adapter?.subgroups),
      missing: adapter?.adapter.features.has("shader-f16") ? undefined : "no shader-f16",
    },
    ...cudaMath.map((math, index) => ({
      ...cudaHost(math, noHost?.reason),
      takes: (seed: number) => everyArithmetic || seed % cudaMath.length === index,
    })),
    ...cudaMath.map((math, index) => ({
      ...cudaDevice(math, device),
      takes: (seed: number) => everyArithmetic || seed % cudaMath.length === index,
    })),
  ];
}

/** `target` with register tiles for products whose weights would be too small to be worth it, too. */
export function inTiles(target: Target): Target {
  return { ...target, smallWeight: 0 };
}

/** WGSL for a device with such subgroups. */
function wgslCode(
  kernels: readonly Kernel[],
  subgroups: SubgroupRange | undefined,
): Omit<CompiledModel, "plan"> {
  return { wgsl: new Map(kernels.map((each) => [each.name, printWgsl(each, { subgroups })])) };
}

/**
 * The backend as a device with group memory and idle processors, on which attentions of few query rows
 * split more than `splitKeys` keys; undefined for CPUs, which split none.
 */
export function splittingKeys(tested: TestedBackend, splitKeys: number): TestedBackend | undefined {
  const { name, target } = tested;
  if (target.family === "cpu") return undefined;
  const { storage } = target;
  const device =
    target.family === "cuda" ? target : { ...targets.gpu, ...(storage && { storage }) };
  return {
    ...tested,
    name: `${name}: keys split`,
    target: { ...device, splitKeys, processors: 6 },
  };
}

/**
 * Kernels for WebGPU by their definition on a device whose subgroups have `size` invocations, or that
 * has none.
 */
export function onSubgroups(size: number | undefined): TestedBackend {
  const made = (kernel: Kernel): Kernel => {
    const range = size === undefined ? undefined : { min: size, max: size };
    return fitsSubgroups(subgroupsOf(kernel), range)
      ? throughSubgroups(kernel)
      : throughMemory(kernel);
  };
  return {
    name: size === undefined ? "without subgroups" : `subgroups of ${size}`,
    target: targets.gpu,
    errors: {},
    takes: () => true,
    open: async (kernels) => evaluateBackend(kernels.map(made), "gpu", size),
    code: () => ({}),
    missing: undefined,
  };
}

/** Kernels for WebGPU by their definition on a device whose subgroups multiply matrices of `shape`. */
export function onMatrices(shape: MatrixShape): TestedBackend {
  const { element } = shape;
  const made = (kernel: Kernel): Kernel =>
    fittingMatrices(matrixElements(kernel), [shape]) === undefined
      ? throughMemory(kernel)
      : throughMatrices(kernel, shape);
  return {
    name: `matrices ${matrixName(shape)}`,
    target: element === "f16" ? { ...targets.gpu, storage: element } : targets.gpu,
    errors: element === "f16" ? storedErrors(element) : {},
    takes: () => true,
    open: async (kernels) => evaluateBackend(kernels.map(made), "gpu", warpSize),
    code: () => ({}),
    missing: undefined,
  };
}

/** Cases that 16-bit storage takes one of; CUDA's arithmetics take more. */
const halfShare = 4;

/** Cases that the CPU takes one of without fused multiply-add. */
const separateShare = 4;

/** `npm test -- conformance` with `cuda-host` or `cuda` runs every case in every arithmetic. */
const everyArithmetic = process.env["BRAID_EVERY_ARITHMETIC"] !== undefined;

/** How tensor cores multiply, and exactly. */
const cudaMath = ["f32", "tf32", "f16", "bf16"] as const;

type CudaMath = (typeof cudaMath)[number];

function cudaHost(math: CudaMath, missing: string | undefined): Omit<TestedBackend, "takes"> {
  return {
    name: `cuda-host ${math}`,
    target: cudaTarget("sm_80", math),
    errors: errorsOf(math),
    open: openCudaHost,
    code: () => ({}),
    missing,
  };
}

/** On the device of this machine, with kernels for it. */
function cudaDevice(math: CudaMath, machine: CudaMachine | Missing): Omit<TestedBackend, "takes"> {
  const isMissing = machine instanceof Missing;
  return {
    name: `cuda ${math}`,
    target: isMissing ? cudaTarget("sm_80", math) : deviceTarget(machine.device, math),
    errors: errorsOf(math),
    open: async () => {
      if (isMissing) throw new Error(machine.reason);
      return machine.open();
    },
    code: (kernels) => ({ cuda: new Map(kernels.map((each) => [each.name, printCuda(each)])) }),
    missing: isMissing ? machine.reason : undefined,
  };
}

function errorsOf(math: CudaMath): ErrorOptions {
  if (math === "f32") return {};
  return math === "tf32" ? { factorUnit: unitRoundoff.tf32 } : storedErrors(math);
}

/** What factors and weights that are stored so may be off. */
function storedErrors(storage: HalfElement): ErrorOptions {
  const unit = unitRoundoff[storage];
  const leastNormal = storage === "f16" ? 2 ** -14 : 2 ** -126;
  return { factorUnit: unit, weightUnit: unit, leastNormal };
}
