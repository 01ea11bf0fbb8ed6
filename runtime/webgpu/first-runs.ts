/**
 * Kernels run once as soon as they are made, with nothing to do.
 *
 * Mesa's driver for CPUs compiles a kernel when it is first run, on the thread that runs it: so that
 * goes on while the other kernels are made and the weights are read.
 */

import type { PlanKernel } from "../contract.ts";
import type { Pipeline } from "./pipelines.ts";
import { bufferUsage } from "./flags.ts";

/** Bytes of memory for each binding: at least an element of any kernel, and aligned on every device. */
const slot = 256;

/** Runs some kernels of a device, for nothing but that. */
export class FirstRuns {
  readonly #device: GPUDevice;
  /** What kernels read, what they write, and their scalars: a run binds none of them as another. */
  readonly #read: GPUBuffer;
  readonly #written: GPUBuffer;
  readonly #scalars: GPUBuffer;

  constructor(device: GPUDevice, kernels: readonly PlanKernel[]) {
    const { storage, uniform } = bufferUsage;
    const most = Math.max(1, ...kernels.map(({ buffers }) => buffers.length));
    const buffer = (size: number, usage: number): GPUBuffer =>
      device.createBuffer({ label: "first runs", size, usage });
    this.#device = device;
    this.#read = buffer(slot, storage);
    this.#written = buffer(slot * most, storage);
    this.#scalars = buffer(slot, uniform);
  }

  /** Queues a run in which the number of groups is 0, and the one that is started returns at once. */
  run({ kernel, pipeline, layout }: Pipeline): void {
    const storage = kernel.buffers.map(({ access }, binding) => ({
      binding,
      resource:
        access === "read"
          ? { buffer: this.#read }
          : { buffer: this.#written, offset: binding * slot, size: slot },
    }));
    const scalars = { binding: storage.length, resource: { buffer: this.#scalars } };
    const entries = [...storage, scalars];
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#device.createBindGroup({ layout, entries }), [0]);
    pass.dispatchWorkgroups(1);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  /** Frees its memory once the device is done with it. */
  close(): void {
    for (const buffer of [this.#read, this.#written, this.#scalars]) buffer.destroy();
  }
}
