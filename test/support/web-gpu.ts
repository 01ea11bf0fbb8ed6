/**
 * WebGPU for tests of printed kernels: a device that validates WGSL, in Node Dawn's null backend, which
 * computes nothing, and whatever device runs kernels here.
 */

import type { Launch } from "../../compiler/kernel/evaluate.ts";
import type { Kernel } from "../../compiler/kernel/kernel.ts";
import type { SubgroupRange } from "../../runtime/contract.ts";
import { findAdapter } from "../../runtime/webgpu/device.ts";
import { matrixFeatures } from "../../runtime/webgpu/matrices.ts";
import { inDeno, testGpu } from "../runtime/support/gpu.ts";
import { Missing } from "./require.ts";

/** Libraries must outlive their devices. */
const alive: GPU[] = [];

/** Dawn's null backend, which checks everything and computes nothing; in Node it needs no driver. */
export async function nullGpu(): Promise<GPU | Missing> {
  try {
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    // Experimental features, too: nothing is computed.
    const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
    alive.push(gpu);
    return gpu;
  } catch (thrown) {
    return new Missing(String(thrown));
  }
}

/** A device that accepts or refuses modules; in Node it needs no driver. */
export async function validatingDevice(): Promise<GPUDevice | Missing> {
  if (inDeno) return runningDevice();
  const gpu = await nullGpu();
  return gpu instanceof Missing ? gpu : deviceOf(gpu);
}

/** A device that runs kernels: a real one if there is one, else in software. */
export async function runningDevice(): Promise<GPUDevice | Missing> {
  const gpu = await testGpu();
  if (gpu === undefined) return new Missing("no adapter");
  alive.push(gpu);
  return deviceOf(gpu);
}

/** The sizes of subgroups of the device that runs kernels, if it has any that kernels may use. */
export async function subgroupsOfDevice(): Promise<SubgroupRange | undefined> {
  return (await findAdapter(await testGpu()))?.subgroups;
}

async function deviceOf(gpu: GPU): Promise<GPUDevice | Missing> {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) return new Missing("no adapter");
  return adapter.requestDevice({ requiredFeatures: [...adapter.features].filter(isOptional) });
}

function isOptional(feature: string): feature is GPUFeatureName {
  return ["shader-f16", "subgroups", ...matrixFeatures].includes(feature);
}

/** Whether a device takes the texts of this file. */
export function takesFile({ features }: GPUDevice, file: string): boolean {
  if (file.includes(".matrices-")) return matrixFeatures.every((each) => features.has(each));
  return features.has("subgroups") || !file.includes(".subgroups.");
}

/** The errors that a module gives, each with its place in the text; none if it is right. */
export async function moduleErrors(device: GPUDevice, code: string): Promise<readonly string[]> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const error = await device.popErrorScope();
  const lines = messages
    .filter((each) => each.type === "error")
    .map((each) => `${each.lineNum}:${each.linePos} ${each.message}`);
  return error === null || lines.length > 0 ? lines : [error.message];
}

const { storage, uniform, copySource, copyTarget, mapRead } = {
  ...{ storage: 0x80, uniform: 0x40, copySource: 0x04, copyTarget: 0x08, mapRead: 0x01 },
};

/** Runs all groups of `kernel`, printed as `code`; the buffers of `launch` are changed in place. */
export async function runWgsl(
  device: GPUDevice,
  kernel: Kernel,
  code: string,
  launch: Launch,
): Promise<void> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const sizes = [launch.groups, ...kernel.scalars.map((name) => launch.scalars?.[name] ?? 0)];
  const buffers = kernel.buffers.map(({ name }) =>
    upload(device, launch.buffers[name] ?? new Int32Array(), storage | copySource),
  );
  const bound = [...buffers, upload(device, Int32Array.from(sizes), uniform)];
  const layout = device.createBindGroupLayout({
    entries: [
      ...kernel.buffers.map(({ access }, binding) => ({
        binding,
        visibility: 0x4,
        buffer: { type: access === "read" ? ("read-only-storage" as const) : ("storage" as const) },
      })),
      { binding: buffers.length, visibility: 0x4, buffer: { type: "uniform" as const } },
    ],
  });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: kernel.name },
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = bound.map((buffer, binding) => ({ binding, resource: { buffer } }));
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  // Two rows of groups, so that folding and the guard beyond the last group are tested.
  pass.dispatchWorkgroups(Math.ceil(launch.groups / 2), 2);
  pass.end();
  const readers = buffers.map((buffer) => {
    const reader = device.createBuffer({ size: buffer.size, usage: mapRead | copyTarget });
    encoder.copyBufferToBuffer(buffer, 0, reader, 0, buffer.size);
    return reader;
  });
  device.queue.submit([encoder.finish()]);
  for (const [index, reader] of readers.entries()) {
    await reader.mapAsync(1);
    const values = launch.buffers[kernel.buffers[index]?.name ?? ""];
    if (values !== undefined) {
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength).set(
        new Uint8Array(reader.getMappedRange(), 0, values.byteLength),
      );
    }
    reader.destroy();
  }
  for (const buffer of bound) buffer.destroy();
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(`${kernel.name}: ${error.message}`);
}

function upload(
  device: GPUDevice,
  values: Float32Array | Int32Array | Uint16Array,
  usage: number,
): GPUBuffer {
  const size = Math.max(16, Math.ceil(values.byteLength / 4) * 4);
  const buffer = device.createBuffer({ size, usage: usage | copyTarget, mappedAtCreation: true });
  new Uint8Array(buffer.getMappedRange()).set(
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
  buffer.unmap();
  return buffer;
}
