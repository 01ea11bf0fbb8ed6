/** The host shim's driver is strict: what the documentation of NVIDIA's forbids is an error. */

import { afterEach, beforeEach, expect } from "vitest";
import { packArguments } from "../../../runtime/cuda/driver.ts";
import {
  type CudaArguments,
  type CudaFunction,
  type CudaLibrary,
  dynamicSharedAttribute,
} from "../../../runtime/cuda/functions.ts";
import { nodeCuda } from "../../../runtime/node/cuda.ts";
import { hostMachineMissing, plugIn } from "../../support/cuda-host/machine.ts";
import { testWith } from "../../support/require.ts";

const [invalidValue, invalidContext, illegalState, invalidHandle, notReady] = [
  1, 201, 401, 400, 600,
];

const text = `extern "C" __global__ void __launch_bounds__(64) twice(float* y, const float* x, int n) {
  if (threadIdx.x < n) y[threadIdx.x] = 2 * x[threadIdx.x];
}`;

/** Calls that work in a context of one device. */
class Tried {
  readonly library: CudaLibrary;
  readonly image: Uint8Array;

  constructor(library: CudaLibrary, image: Uint8Array) {
    this.library = library;
    this.image = image;
  }

  call(name: CudaFunction, ...args: CudaArguments): number {
    return this.library.call(name, ...args);
  }

  make(name: CudaFunction, ...args: CudaArguments): bigint {
    const out = new BigUint64Array(1);
    expect(this.call(name, new Uint8Array(out.buffer), ...args), name).toBe(0);
    return out[0] ?? 0n;
  }

  /** `twice` over `y` and `x`; fewer `values` are what a caller has forgotten. */
  launch(
    kernel: bigint,
    stream: bigint,
    values: readonly bigint[],
    shape: readonly number[],
  ): number {
    const { pointers } = packArguments(this.library, { buffers: values, scalars: [4] });
    const [groups = 1, threads = 32, shared = 0] = shape;
    const grid = [groups, 1, 1, threads, 1, 1, shared] as const;
    return this.call("cuLaunchKernel", kernel, ...grid, stream, pointers, 0n);
  }
}

const before = { ...process.env };
let devices: readonly number[] = [];
let opened: Tried | undefined;

beforeEach(async () => {
  if (hostMachineMissing !== undefined) return;
  await plugIn({ devices: ["sm_90", "sm_86"], memory: 1 });
  const { library, compile } = await nodeCuda();
  const [image = new Uint8Array()] = await compile(new Map([["twice", text]]), "sm_90", () => {});
  opened = new Tried(library, image);
  expect(opened.call("cuInit", 0)).toBe(0);
  devices = [0, 1].map((index) => Number(opened?.make("cuDeviceGet", index) ?? 0n));
});

afterEach(() => {
  for (const device of devices) opened?.call("cuDevicePrimaryCtxRelease_v2", device);
  Object.assign(process.env, before);
});

/** The driver with a context of the first device, a stream, a kernel, and 16 bytes twice. */
function start(): {
  readonly cuda: Tried;
  readonly context: bigint;
  readonly stream: bigint;
  readonly module: bigint;
  readonly kernel: bigint;
  readonly x: bigint;
  readonly y: bigint;
} {
  if (opened === undefined) throw new Error("there is no driver");
  const cuda = opened;
  const context = cuda.make("cuDevicePrimaryCtxRetain", devices[0] ?? 0);
  expect(cuda.call("cuCtxSetCurrent", context)).toBe(0);
  const stream = cuda.make("cuStreamCreate", 0);
  const module = cuda.make("cuModuleLoadData", cuda.image);
  const kernel = cuda.make("cuModuleGetFunction", module, new TextEncoder().encode("twice\0"));
  const [x, y] = [cuda.make("cuMemAlloc_v2", 16n), cuda.make("cuMemAlloc_v2", 16n)];
  expect(cuda.call("cuMemcpyHtoDAsync_v2", x, four, 16n, stream)).toBe(0);
  return { cuda, context, stream, module, kernel, x, y };
}

/** What `x` holds; a queued copy may be read late. */
const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);

const strict = hostMachineMissing ?? start;

testWith("cuda-host", strict, "the driver queues, and says when all is done", (open) => {
  const { cuda, stream, module, kernel, x, y } = open();
  expect(cuda.launch(kernel, stream, [y, x], [])).toBe(0);
  expect(cuda.call("cuModuleUnload", module)).toBe(illegalState);
  expect(cuda.call("cuStreamQuery", stream)).toBe(notReady);
  expect(cuda.call("cuStreamQuery", stream)).toBe(0);
  const out = new Float32Array(4);
  expect(cuda.call("cuMemcpyDtoHAsync_v2", new Uint8Array(out.buffer), y, 16n, stream)).toBe(0);
  expect([...out]).toEqual([2, 4, 6, 8]);
  expect(cuda.call("cuModuleUnload", module)).toBe(0);
  expect(cuda.launch(kernel, stream, [y, x], [])).toBe(invalidHandle);
});

testWith("cuda-host", strict, "the driver refuses handles, copies and launches", (open) => {
  const { cuda, context, stream, module, kernel, x, y } = open();
  const copy = (to: bigint, from: bigint, bytes: bigint): number =>
    cuda.call("cuMemcpyDtoDAsync_v2", to, from, bytes, stream);
  expect([copy(y, x, 17n), copy(y + 8n, x, 16n), copy(y + 4n, y, 8n)]).toEqual(
    Array(3).fill(invalidValue),
  );
  expect(cuda.launch(stream, stream, [y, x], [])).toBe(invalidHandle);
  expect(cuda.launch(kernel, module, [y, x], [])).toBe(invalidHandle);
  // No groups, more threads than the kernel is compiled for, more shared memory than was asked for.
  for (const shape of [
    [0, 32],
    [1, 65],
    [1, 32, 49 << 10],
  ]) {
    expect(cuda.launch(kernel, stream, [y, x], shape), String(shape)).toBe(invalidValue);
  }
  const attribute = dynamicSharedAttribute;
  expect(cuda.call("cuFuncSetAttribute", kernel, attribute, 228 << 10)).toBe(invalidValue);
  expect(cuda.call("cuFuncSetAttribute", kernel, attribute, 100 << 10)).toBe(0);
  expect(cuda.launch(kernel, stream, [y, x], [1, 32, 49 << 10])).toBe(0);
  expect(cuda.call("cuMemFree_v2", y + 4n)).toBe(invalidValue);
  expect(cuda.call("cuMemFree_v2", y)).toBe(0);
  expect(cuda.call("cuMemFree_v2", y)).toBe(invalidValue);
  expect(copy(y, x, 16n)).toBe(invalidValue);
  const other = cuda.make("cuDevicePrimaryCtxRetain", devices[1] ?? 0);
  expect(cuda.call("cuCtxSetCurrent", other)).toBe(0);
  expect(cuda.call("cuStreamQuery", stream)).toBe(invalidContext);
  expect(cuda.call("cuMemFree_v2", x)).toBe(invalidContext);
  expect(cuda.call("cuCtxSetCurrent", context)).toBe(0);
  // What was freed is no argument: the kernel fails, and everything after it.
  expect(cuda.launch(kernel, stream, [y, x], [])).toBe(0);
  expect(cuda.call("cuStreamSynchronize", stream)).toBe(719);
  expect(cuda.call("cuMemFree_v2", x)).toBe(719);
});

testWith("cuda-host", strict, "a graph's nodes are told only what is theirs", (open) => {
  const { cuda, stream, kernel, x, y } = open();
  const parameters = (values: readonly bigint[]): Uint8Array => {
    const bytes = new Uint8Array(new ArrayBuffer(56));
    const view = new DataView(bytes.buffer);
    const { pointers } = packArguments(cuda.library, { buffers: values, scalars: [4] });
    view.setBigUint64(0, kernel, true);
    for (const [index, value] of [1, 1, 1, 32, 1, 1].entries())
      view.setUint32(8 + index * 4, value, true);
    view.setBigUint64(40, cuda.library.address(pointers), true);
    return bytes;
  };
  const none = new Uint8Array(8);
  const [graph, stranger] = [cuda.make("cuGraphCreate", 0), cuda.make("cuGraphCreate", 0)];
  const node = cuda.make("cuGraphAddKernelNode", graph, none, 0n, parameters([y, x]));
  const foreign = cuda.make("cuGraphAddKernelNode", stranger, none, 0n, parameters([y, x]));
  const runnable = cuda.make("cuGraphInstantiateWithFlags", graph, 0n);
  const tell = (to: bigint): number =>
    cuda.call("cuGraphExecKernelNodeSetParams", runnable, to, parameters([x, y]));
  expect(tell(foreign)).toBe(invalidValue);
  // A launch keeps what it was told: the second one, after it, reads what the first wrote.
  expect(cuda.call("cuGraphLaunch", runnable, stream)).toBe(0);
  expect(tell(node)).toBe(0);
  expect(cuda.call("cuGraphLaunch", runnable, stream)).toBe(0);
  const out = new Float32Array(4);
  expect(cuda.call("cuMemcpyDtoHAsync_v2", new Uint8Array(out.buffer), x, 16n, stream)).toBe(0);
  expect([...out]).toEqual([4, 8, 12, 16]);
  expect(cuda.call("cuGraphDestroy", graph)).toBe(0);
  expect(tell(node)).toBe(invalidValue);
  expect(cuda.call("cuGraphExecDestroy", runnable)).toBe(0);
  expect(cuda.call("cuGraphLaunch", runnable, stream)).toBe(invalidHandle);
});
