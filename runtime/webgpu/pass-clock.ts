/** The time that a pass takes by the device's own clock (feature `timestamp-query`). */

import { bufferUsage, mapForReading } from "./flags.ts";

/** Two timestamps: a pass begins, a pass ends. Nanoseconds; browsers round them. */
const count = 2;
const bytes = count * 8;

/** Times one pass. */
export class PassClock {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;

  constructor(device: GPUDevice) {
    this.#device = device;
    const { queryTarget, copySource, copyTarget, mapRead } = bufferUsage;
    this.#queries = device.createQuerySet({ type: "timestamp", count });
    this.#resolved = device.createBuffer({ size: bytes, usage: queryTarget | copySource });
    this.#readable = device.createBuffer({ size: bytes, usage: copyTarget | mapRead });
  }

  /** What the pass is to write. */
  get writes(): GPUComputePassTimestampWrites {
    return { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  }

  /** What the pass took, once it is over. */
  async milliseconds(): Promise<number> {
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, bytes);
    this.#device.queue.submit([encoder.finish()]);
    await this.#readable.mapAsync(mapForReading);
    const [start = 0n, end = 0n] = new BigUint64Array(this.#readable.getMappedRange());
    return end > start ? Number(end - start) / 1e6 : 0;
  }

  close(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
    this.#readable.destroy();
  }
}
