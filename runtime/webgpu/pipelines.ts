/**
 * Kernels as WebGPU pipelines, each text compiled once.
 *
 * A pipeline's layout is explicit: the kernel's buffers in order, then its scalars as one uniform
 * with a dynamic offset. So a bind group can be kept while sizes change, and unused bindings do no
 * harm.
 */

import type { Progress } from "../backend.ts";
import type { KernelTexts, PlanKernel } from "../contract.ts";
import { BraidError, invariant, reasonOf } from "../errors.ts";
import type { FirstRuns } from "./first-runs.ts";
import { computeStage } from "./flags.ts";
import { withSubgroupSize } from "./matrices.ts";

/** A compiled kernel. */
export interface Pipeline {
  readonly kernel: PlanKernel;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Bytes between the scalars of two dispatches: the largest alignment that a device may ask for. */
export const uniformSlotBytes: number = 256;

/**
 * Compiles `kernels` with the WGSL in `texts`, by name, all at once; where there are first runs, each
 * has its own before the next is made. Throws `webgpu/kernel` with the device's reason.
 */
export async function compilePipelines(
  device: GPUDevice,
  kernels: readonly PlanKernel[],
  texts: KernelTexts,
  progress: Progress,
  firstRuns?: FirstRuns,
): Promise<ReadonlyMap<string, Pipeline>> {
  const layouts = new Map<string, Layout>();
  const compiled = new Map<string, Promise<GPUComputePipeline>>();
  let done = 0;
  progress(done, kernels.length);
  const make = async (kernel: PlanKernel): Promise<readonly [string, Pipeline]> => {
    const text = texts.get(kernel.name);
    invariant(text !== undefined, `kernel ${kernel.name} has no WGSL`);
    checkLimits(kernel, device.limits);
    const signature = kernel.buffers.map(({ access }) => access).join();
    const layout = layouts.get(signature) ?? makeLayout(device, kernel);
    layouts.set(signature, layout);
    const key = `${signature}\n${text}`;
    const pipeline = compiled.get(key) ?? compile(device, kernel, text, layout);
    compiled.set(key, pipeline);
    const result = { kernel, pipeline: await pipeline, layout: layout.bindings };
    firstRuns?.run(result);
    done++;
    progress(done, kernels.length);
    return [kernel.name, result];
  };
  const pairs: Promise<readonly [string, Pipeline]>[] = [];
  for (const kernel of kernels) {
    const pair = make(kernel);
    pairs.push(pair);
    // A device that makes pipelines on threads of its own is not waited for.
    if (firstRuns !== undefined) await Promise.race([pair.catch(() => undefined), pause()]);
  }
  return new Map(await Promise.all(pairs));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function compile(
  device: GPUDevice,
  { name }: PlanKernel,
  text: string,
  layout: Layout,
): Promise<GPUComputePipeline> {
  // Pipeline creation reports a broken module too, but without lines; the scope keeps the console
  // quiet.
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: name, code: withSubgroupSize(device, text) });
  const scope = device.popErrorScope();
  try {
    return await device.createComputePipelineAsync({
      label: name,
      layout: layout.pipeline,
      compute: { module },
    });
  } catch (error) {
    const { messages } = await module.getCompilationInfo();
    const lines = messages.map(({ lineNum, message }) => `\n  line ${lineNum}: ${message}`);
    const reason = lines.length > 0 ? lines.join("") : ` ${reasonOf(error)}`;
    throw new BraidError("webgpu/kernel", `the device refuses the kernel ${name}:${reason}`, {
      hint: "use `--backend cpu`, and report the kernel with the name of the device",
      cause: error,
    });
  } finally {
    await scope;
  }
}

/** What kernels with the same access to as many buffers share. */
interface Layout {
  readonly bindings: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

function makeLayout(device: GPUDevice, { buffers }: PlanKernel): Layout {
  const storage = buffers.map(
    ({ access }, binding): GPUBindGroupLayoutEntry => ({
      binding,
      visibility: computeStage,
      buffer: { type: access === "read" ? "read-only-storage" : "storage" },
    }),
  );
  const scalars: GPUBindGroupLayoutEntry = {
    binding: buffers.length,
    visibility: computeStage,
    buffer: { type: "uniform", hasDynamicOffset: true },
  };
  const bindings = device.createBindGroupLayout({ entries: [...storage, scalars] });
  return { bindings, pipeline: device.createPipelineLayout({ bindGroupLayouts: [bindings] }) };
}

function checkLimits(kernel: PlanKernel, limits: GPUSupportedLimits): void {
  const { name, buffers, scalars, workgroupSize } = kernel;
  invariant(scalars.length < uniformSlotBytes / 4, `${name} has ${scalars.length} scalars`);
  const needs = [
    ["maxStorageBuffersPerShaderStage", buffers.length],
    ["maxComputeInvocationsPerWorkgroup", workgroupSize],
    ["maxComputeWorkgroupSizeX", workgroupSize],
  ] as const;
  for (const [limit, needed] of needs) {
    if (needed <= limits[limit]) continue;
    const message = `the kernel ${name} needs ${limit} ${needed}`;
    throw new BraidError("webgpu/limit", `${message}, but this device has ${limits[limit]}`, {
      hint: "use `--backend cpu` or another device",
    });
  }
}
