/**
 * A device behind the CUDA driver API: what the backend asks of it, with readable errors.
 *
 * Everything is queued on one stream, so commands see what those before them wrote. The context of the
 * device is made current before each call, since another backend may have changed it.
 */

import { BraidError, type ErrorDetails } from "../errors.ts";
import { showBytes } from "../show-bytes.ts";
import {
  type CudaArguments,
  type CudaFunction,
  type CudaLibrary,
  cudaResult,
  deviceAttribute,
  dynamicSharedAttribute,
} from "./functions.ts";

/** The first generation that the kernels are written for: `cp.async`, `mma.sync` of bf16. */
export const oldestArchitecture = 80;

/** A device that was found. */
export interface CudaDevice {
  /** The driver's `CUdevice`. */
  readonly handle: number;
  readonly name: string;
  /** Compute capability 9.0 is `sm_90`. */
  readonly architecture: string;
  readonly bytes: number;
  readonly multiprocessors: number;
  /** Most shared memory of a block. */
  readonly sharedBytes: number;
  /** Of the driver, as CUDA counts: 13000 is 13.0. */
  readonly driverVersion: number;
}

/**
 * All devices, in the driver's order. Throws `cuda/driver` where the driver does not start, and
 * `cuda/device` where there is none.
 */
export function findCudaDevices(library: CudaLibrary): readonly CudaDevice[] {
  const started = library.call("cuInit", 0);
  if (started === cudaResult.noDevice) throw noDevice();
  if (started !== cudaResult.success) {
    const reason = resultText(library, started);
    throw new BraidError("cuda/driver", `the CUDA driver does not start: ${reason}`, {
      hint: "see what `nvidia-smi` says, or use `--backend cpu`",
    });
  }
  const count = readInt(library, "cuDeviceGetCount");
  if (count === 0) throw noDevice();
  const driverVersion = readInt(library, "cuDriverGetVersion");
  return Array.from({ length: count }, (_, index) => {
    const handle = readInt(library, "cuDeviceGet", index);
    const attribute = (which: number): number =>
      readInt(library, "cuDeviceGetAttribute", which, handle);
    const name = new Uint8Array(256);
    expectSuccess(library, "cuDeviceGetName", [name, name.length, handle]);
    const memory = eightBytes();
    expectSuccess(library, "cuDeviceTotalMem_v2", [memory.bytes, handle]);
    const [major, minor] = [attribute(deviceAttribute.major), attribute(deviceAttribute.minor)];
    return {
      handle,
      name: cString(name),
      architecture: `sm_${major}${minor}`,
      bytes: Number(memory.long()),
      multiprocessors: attribute(deviceAttribute.multiprocessors),
      sharedBytes: attribute(deviceAttribute.sharedBytes),
      driverVersion,
    };
  });
}

/** The device to use: the first that is new enough. Throws `cuda/device` where all are too old. */
export function chooseCudaDevice(devices: readonly CudaDevice[]): CudaDevice {
  const chosen = devices.find(({ architecture }) => isNewEnough(architecture));
  if (chosen !== undefined) return chosen;
  const names = devices.map(({ name, architecture }) => `${name} (${architecture})`).join(", ");
  const message = `${names} is too old: kernels need sm_${oldestArchitecture} (A100, RTX 30) or later`;
  throw new BraidError("cuda/device", message, { hint: "use `--backend webgpu` or `cpu`" });
}

/** Whether kernels run on devices of this architecture. */
export function isNewEnough(architecture: string): boolean {
  return Number(architecture.slice("sm_".length)) >= oldestArchitecture;
}

function noDevice(): BraidError {
  return new BraidError("cuda/device", "the CUDA driver finds no device", {
    hint: "see what `nvidia-smi` says (`CUDA_VISIBLE_DEVICES` hides devices), or use `--backend cpu`",
  });
}

/** What a kernel is launched with. */
export interface CudaLaunch {
  readonly function: bigint;
  readonly groups: number;
  readonly threads: number;
  readonly sharedBytes: number;
  /** The values of its parameters: addresses, then ints. */
  readonly buffers: readonly bigint[];
  readonly scalars: readonly number[];
}

/** An open device. */
export class CudaDriver {
  readonly device: CudaDevice;
  readonly library: CudaLibrary;
  /** All work goes here. */
  readonly stream: bigint;
  readonly #context: bigint;

  constructor(library: CudaLibrary, device: CudaDevice) {
    this.library = library;
    this.device = device;
    this.#context = madeBy(library, "cuDevicePrimaryCtxRetain", device.handle);
    this.stream = this.make("cuStreamCreate", 0);
  }

  /** Calls a function; its `CUresult`. */
  try(name: CudaFunction, ...args: CudaArguments): number {
    this.library.call("cuCtxSetCurrent", this.#context);
    return this.library.call(name, ...args);
  }

  /** Calls a function; throws unless it succeeds. */
  call(name: CudaFunction, ...args: CudaArguments): void {
    const result = this.try(name, ...args);
    if (result !== cudaResult.success) throw failed(this.library, name, result);
  }

  /** Calls a function that makes something; its handle. */
  make(name: CudaFunction, ...args: CudaArguments): bigint {
    const out = eightBytes();
    this.call(name, out.bytes, ...args);
    return out.long();
  }

  /** Device memory. Throws `memory/full` where there is not enough. */
  allocate(bytes: number, label: string): bigint {
    const out = eightBytes();
    const result = this.try("cuMemAlloc_v2", out.bytes, BigInt(bytes));
    if (result === cudaResult.outOfMemory) {
      const left = `${this.device.name} has no ${showBytes(bytes)} left for ${label}`;
      throw new BraidError("memory/full", left, {
        hint: "close what else uses the GPU (`nvidia-smi` lists it), or use a smaller model or `--backend cpu`",
      });
    }
    if (result !== cudaResult.success) throw failed(this.library, "cuMemAlloc_v2", result);
    return out.long();
  }

  /** A module of a cubin, or of what the driver can make one of. */
  loadModule(image: Uint8Array): bigint {
    const out = eightBytes();
    const result = this.try("cuModuleLoadData", out.bytes, image);
    if (result === cudaResult.noBinary || result === cudaResult.unsupportedPtx) {
      const { name, architecture } = this.device;
      const message = `the kernels were built for another device than ${name} (${architecture})`;
      throw new BraidError("cuda/module", message, {
        hint: `build them again with \`--architecture ${architecture}\`, or install a newer driver`,
      });
    }
    if (result === cudaResult.invalidImage) {
      const message = "the CUDA driver does not understand the compiled kernels";
      throw new BraidError("cuda/module", message, {
        hint: "install a newer driver of NVIDIA's, or compile them again: they are broken, or newer than it",
      });
    }
    if (result !== cudaResult.success) throw failed(this.library, "cuModuleLoadData", result);
    return out.long();
  }

  /** A kernel, ready for `sharedBytes` of dynamic shared memory; undefined if the module has none. */
  kernel(module: bigint, name: string, sharedBytes: number): bigint | undefined {
    const out = eightBytes();
    const text = new TextEncoder().encode(`${name}\0`);
    const result = this.try("cuModuleGetFunction", out.bytes, module, text);
    if (result === cudaResult.notFound) return undefined;
    if (result !== cudaResult.success) throw failed(this.library, "cuModuleGetFunction", result);
    const found = out.long();
    if (sharedBytes > 0)
      this.call("cuFuncSetAttribute", found, dynamicSharedAttribute, sharedBytes);
    return found;
  }

  /** Queues a kernel. */
  launch(launch: CudaLaunch): void {
    const { groups, threads, sharedBytes } = launch;
    const { pointers } = packArguments(this.library, launch);
    const grid = [groups, 1, 1, threads, 1, 1, sharedBytes] as const;
    this.call("cuLaunchKernel", launch.function, ...grid, this.stream, pointers, 0n);
  }

  /** Whether everything queued is done. Throws what went wrong on the device meanwhile. */
  isIdle(): boolean {
    const result = this.try("cuStreamQuery", this.stream);
    if (result === cudaResult.notReady) return false;
    if (result !== cudaResult.success) throw failed(this.library, "cuStreamQuery", result);
    return true;
  }

  close(): void {
    // A device that has failed answers every call with that failure: nothing is left to free then.
    this.try("cuStreamDestroy_v2", this.stream);
    this.library.call("cuDevicePrimaryCtxRelease_v2", this.device.handle);
  }
}

/** The values of a kernel's parameters in memory, and the list of where they lie, as C wants it. */
export function packArguments(
  library: CudaLibrary,
  { buffers, scalars }: Pick<CudaLaunch, "buffers" | "scalars">,
): { readonly values: Uint8Array; readonly pointers: Uint8Array } {
  const count = buffers.length + scalars.length;
  // One block for both: as long as it is held, the values are, too.
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(16, count * 16)));
  const view = new DataView(bytes.buffer);
  for (const [index, address] of buffers.entries()) view.setBigUint64(index * 8, address, true);
  for (const [index, value] of scalars.entries()) {
    view.setInt32((buffers.length + index) * 8, value, true);
  }
  const start = library.address(bytes);
  for (let i = 0; i < count; i++) {
    view.setBigUint64((count + i) * 8, start + BigInt(i * 8), true);
  }
  return { values: bytes, pointers: bytes.subarray(count * 8) };
}

/** Eight bytes that the driver writes to. */
function eightBytes(): {
  readonly bytes: Uint8Array;
  readonly int: () => number;
  readonly long: () => bigint;
} {
  const bytes = new Uint8Array(new ArrayBuffer(8));
  const view = new DataView(bytes.buffer);
  return { bytes, int: () => view.getInt32(0, true), long: () => view.getBigUint64(0, true) };
}

function readInt(library: CudaLibrary, name: CudaFunction, ...args: CudaArguments): number {
  const out = eightBytes();
  expectSuccess(library, name, [out.bytes, ...args]);
  return out.int();
}

/** The handle of what a function makes, which needs no context. */
function madeBy(library: CudaLibrary, name: CudaFunction, ...args: CudaArguments): bigint {
  const out = eightBytes();
  expectSuccess(library, name, [out.bytes, ...args]);
  return out.long();
}

function expectSuccess(library: CudaLibrary, name: CudaFunction, args: CudaArguments): void {
  const result = library.call(name, ...args);
  if (result !== cudaResult.success) throw failed(library, name, result);
}

function failed(library: CudaLibrary, name: CudaFunction, result: number): BraidError {
  const details: ErrorDetails = {
    hint: "open the model again; if it fails again, use `--backend cpu` and report this",
  };
  const message = `the GPU failed: ${resultText(library, result)} (${result}, from ${name})`;
  return new BraidError("cuda/failed", message, details);
}

function resultText(library: CudaLibrary, result: number): string {
  const out = eightBytes();
  const known = library.call("cuGetErrorString", result, out.bytes) === cudaResult.success;
  return known ? library.text(out.long()) : "unknown error";
}

function cString(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}
