/** A kernel that is compiled, run and forgotten: for finding out what a device does. */

import { bufferUsage, mapForReading } from "./flags.ts";
import { withSubgroupSize } from "./matrices.ts";

/** What a kernel computes from, in the order of its bindings. */
export interface Operands {
  readonly inputs: readonly (Float32Array | Uint16Array)[];
  /** Bytes of the result, which is bound after the inputs. */
  readonly bytes: number;
  /** A uniform of i32, bound last, if the kernel has one. */
  readonly sizes?: readonly number[];
}

/** The result of `groups` groups of the one kernel in `text`. Throws what the device refuses. */
export async function computeOnce(
  device: GPUDevice,
  text: string,
  { inputs, bytes, sizes }: Operands,
  groups: number,
): Promise<ArrayBuffer> {
  const { storage, uniform, copySource, copyTarget, mapRead } = bufferUsage;
  const made: GPUBuffer[] = [];
  const buffer = (size: number, usage: number): GPUBuffer => {
    const one = device.createBuffer({ label: "trial", size, usage });
    made.push(one);
    return one;
  };
  const filled = (data: Float32Array | Uint16Array | Int32Array, usage: number): GPUBuffer => {
    const one = buffer(data.byteLength, usage | copyTarget);
    device.queue.writeBuffer(one, 0, data.buffer, data.byteOffset, data.byteLength);
    return one;
  };
  // Keeps what is refused from the console; it is thrown when the pipeline is made.
  device.pushErrorScope("validation");
  try {
    const module = device.createShaderModule({ code: withSubgroupSize(device, text) });
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module },
    });
    const result = buffer(bytes, storage | copySource);
    const bound = [
      ...inputs.map((each) => filled(each, storage)),
      result,
      ...(sizes === undefined ? [] : [filled(Int32Array.from(sizes), uniform)]),
    ];
    const entries = bound.map((each, binding) => ({ binding, resource: { buffer: each } }));
    const layout = pipeline.getBindGroupLayout(0);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(groups);
    pass.end();
    const reader = buffer(bytes, mapRead | copyTarget);
    encoder.copyBufferToBuffer(result, 0, reader, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await reader.mapAsync(mapForReading);
    return reader.getMappedRange().slice(0);
  } finally {
    await device.popErrorScope();
    for (const each of made) each.destroy();
  }
}
