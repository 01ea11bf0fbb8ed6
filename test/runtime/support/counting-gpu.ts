/**
 * A WebGPU device that counts what is asked of it: Dawn's null device, which checks all and computes
 * nothing, so that a driver is not needed. All that is read the n-th time is n.
 */

import type { FoundAdapter } from "../../../runtime/webgpu/device.ts";

/** What a device was asked for since the counts were begun. */
export interface DeviceCounts {
  modules: number;
  pipelines: number;
  bindGroups: number;
  encoders: number;
  submits: number;
  /** Times that somebody waited for all work. */
  waits: number;
  /** Bytes of each buffer made, by its label. */
  buffers: (readonly [string, number])[];
  /** Bytes of each write, with the label of the buffer and where it begins. */
  writes: (readonly [string, number, number])[];
  /** Bytes of each buffer mapped. */
  maps: number[];
}

/** An adapter whose device counts. */
export interface CountingAdapter {
  readonly found: FoundAdapter;
  /** Of what was asked since `begin`. */
  readonly counts: DeviceCounts;
  /** Begins to count anew. */
  begin(): void;
  /** Pipelines are ready when this resolves, if not earlier. */
  pipelinesWait: Promise<void>;
  /** What errors there were is told when this resolves, if not earlier. */
  errorsWait: Promise<void>;
  /** The next error that is told, once. */
  error: GPUError | null;
}

/** An adapter of `gpu`, which is good for one device. */
export async function countingAdapter(gpu: GPU): Promise<CountingAdapter> {
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("there is no adapter");
  const counts = noCounts();
  const result: CountingAdapter = {
    found: { adapter, name: "null", software: false, matrices: [] },
    counts,
    begin: () => void Object.assign(counts, noCounts()),
    pipelinesWait: Promise.resolve(),
    errorsWait: Promise.resolve(),
    error: null,
  };
  const request = adapter.requestDevice.bind(adapter);
  replace(adapter, "requestDevice", async (wanted: GPUDeviceDescriptor) => {
    const device = await request(wanted);
    countDevice(device, result);
    return device;
  });
  return result;
}

function noCounts(): DeviceCounts {
  const none = { modules: 0, pipelines: 0, bindGroups: 0, encoders: 0, submits: 0, waits: 0 };
  return { ...none, buffers: [], writes: [], maps: [] };
}

function replace(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, configurable: true });
}

function countDevice(device: GPUDevice, adapter: CountingAdapter): void {
  const { counts } = adapter;
  const { queue } = device;
  // Each look may give another object.
  replace(device, "queue", queue);
  countQueue(queue, counts);
  let reads = 0;
  const makeModule = device.createShaderModule.bind(device);
  replace(device, "createShaderModule", (descriptor: GPUShaderModuleDescriptor) => {
    counts.modules++;
    return makeModule(descriptor);
  });
  const makePipeline = device.createComputePipelineAsync.bind(device);
  replace(
    device,
    "createComputePipelineAsync",
    async (descriptor: GPUComputePipelineDescriptor) => {
      counts.pipelines++;
      const pipeline = await makePipeline(descriptor);
      await adapter.pipelinesWait;
      return pipeline;
    },
  );
  const makeGroup = device.createBindGroup.bind(device);
  replace(device, "createBindGroup", (descriptor: GPUBindGroupDescriptor) => {
    counts.bindGroups++;
    return makeGroup(descriptor);
  });
  const makeEncoder = device.createCommandEncoder.bind(device);
  replace(device, "createCommandEncoder", () => {
    counts.encoders++;
    return makeEncoder();
  });
  const tell = device.popErrorScope.bind(device);
  replace(device, "popErrorScope", async () => {
    const [told, { error }] = [tell(), adapter];
    adapter.error = null;
    await adapter.errorsWait;
    return error ?? told;
  });
  const makeBuffer = device.createBuffer.bind(device);
  replace(device, "createBuffer", (descriptor: GPUBufferDescriptor) => {
    counts.buffers.push([descriptor.label ?? "", descriptor.size]);
    const buffer = makeBuffer(descriptor);
    const map = buffer.mapAsync.bind(buffer);
    replace(buffer, "mapAsync", (mode: number) => {
      counts.maps.push(descriptor.size);
      return map(mode);
    });
    replace(buffer, "getMappedRange", () => {
      reads++;
      return new Int32Array(descriptor.size / 4).fill(reads).buffer;
    });
    return buffer;
  });
}

function countQueue(queue: GPUQueue, counts: DeviceCounts): void {
  const submit = queue.submit.bind(queue);
  replace(queue, "submit", (buffers: readonly GPUCommandBuffer[]) => {
    counts.submits++;
    submit(buffers);
  });
  const wait = queue.onSubmittedWorkDone.bind(queue);
  replace(queue, "onSubmittedWorkDone", () => {
    counts.waits++;
    return wait();
  });
  const write = queue.writeBuffer.bind(queue);
  replace(
    queue,
    "writeBuffer",
    (
      buffer: GPUBuffer,
      offset: number,
      data: ArrayBuffer | Int32Array<ArrayBuffer>,
      first: number,
      size: number,
    ) => {
      // Of arrays the size counts elements.
      const each = data instanceof Int32Array ? Int32Array.BYTES_PER_ELEMENT : 1;
      counts.writes.push([buffer.label, offset, size * each]);
      write(buffer, offset, data, first, size);
    },
  );
}
