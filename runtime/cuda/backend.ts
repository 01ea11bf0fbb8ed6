/**
 * An NVIDIA device as a backend, through the CUDA driver.
 *
 * Kernels come as a cubin that was built for this device, or as text that is compiled now. Sequences
 * of kernels that come again, as each decode step does, are launched as one graph.
 */

import type {
  Backend,
  Command,
  DeviceBuffer,
  DeviceData,
  HalfElement,
  Progress,
  Slice,
} from "../backend.ts";
import type { CompiledModel, PlanKernel } from "../contract.ts";
import { BraidError, invariant } from "../errors.ts";
import {
  CudaDriver,
  type CudaDevice,
  type CudaLaunch,
  chooseCudaDevice,
  findCudaDevices,
} from "./driver.ts";
import { checkSharedMemory } from "./fit.ts";
import type { CudaLibrary } from "./functions.ts";
import { KernelGraph } from "./graph.ts";

/**
 * Compiles CUDA C++ by kernel name for an architecture (`sm_90`) into one cubin or more, kept from
 * earlier calls where they are. Throws `cuda/toolkit` where nothing here can.
 */
export type CudaCompiler = (
  kernels: ReadonlyMap<string, string>,
  architecture: string,
  progress: Progress,
) => Promise<readonly Uint8Array[]>;

/** What a platform has for CUDA. */
export interface CudaPlatform {
  readonly library: CudaLibrary;
  readonly compile: CudaCompiler;
  /** Whether `compile` has anything to compile with. */
  canCompile(): Promise<boolean>;
}

/** How to reach CUDA; throws a named error where that cannot be. */
export type CudaSource = () => Promise<CudaPlatform>;

/** The first device that is new enough. Throws `cuda/driver` or `cuda/device`. */
export function findCudaDevice({ library }: CudaPlatform): CudaDevice {
  return chooseCudaDevice(findCudaDevices(library));
}

/** Opens a device that was found. */
export function openCudaBackend(
  { library, compile }: CudaPlatform,
  device: CudaDevice,
): CudaBackend {
  return new CudaBackend(new CudaDriver(library, device), compile);
}

/** Fewer kernels than this are launched one by one. */
const worthGraph = 4;
/** Graphs that are kept; the oldest goes. */
const mostGraphs = 16;
/** Bytes of an upload that are copied rather than waited for. */
const mostCopied = 65536;

interface LoadedKernel {
  readonly function: bigint;
  readonly threads: number;
  readonly sharedBytes: number;
}

export class CudaBackend implements Backend {
  readonly kind = "cuda";
  readonly description: string;
  readonly target = "cuda";
  readonly separatesReadsFromWrites: boolean = false;
  readonly halves: readonly HalfElement[] = ["f16", "bf16"];
  readonly capacity: number;
  readonly largestTensor: undefined = undefined;
  readonly #driver: CudaDriver;
  readonly #compile: CudaCompiler;
  readonly #addresses: Map<DeviceBuffer, bigint> = new Map();
  readonly #kernels: Map<string, LoadedKernel> = new Map();
  #modules: bigint[] = [];
  /** What uploads that are still queued may be read from. */
  #sources: Uint8Array[] = [];
  /** By the kernels of the sequence; undefined where it was met once. */
  readonly #graphs: Map<string, KernelGraph | undefined> = new Map();

  constructor(driver: CudaDriver, compile: CudaCompiler) {
    this.#driver = driver;
    this.#compile = compile;
    const { name, architecture, bytes } = driver.device;
    this.description = `CUDA (${name}, ${architecture})`;
    this.capacity = bytes;
  }

  async load(
    { plan, cuda, cubin }: CompiledModel,
    names: ReadonlySet<string>,
    progress: Progress = () => undefined,
  ): Promise<void> {
    const wanted = plan.kernels.filter(({ name }) => names.has(name) && !this.#kernels.has(name));
    if (wanted.length === 0) return;
    const { device } = this.#driver;
    for (const kernel of wanted) checkSharedMemory(kernel, device);
    if (cubin === undefined) {
      invariant(cuda !== undefined, `${plan.model} comes without CUDA kernels`);
      const texts = new Map(wanted.map(({ name }) => [name, cuda.get(name) ?? ""]));
      const images = await this.#compile(texts, device.architecture, progress);
      for (const image of images) this.#addModule(image, wanted);
    } else {
      this.#addModule(cubin, wanted);
    }
    const missing = wanted.find(({ name }) => !this.#kernels.has(name));
    if (missing === undefined) return;
    const message = `the compiled kernels of ${plan.model} have no ${missing.name}: they are another build's`;
    throw new BraidError("cuda/module", message, { hint: "build the model again" });
  }

  async allocate(bytes: number, label: string): Promise<DeviceBuffer> {
    const buffer = { label, bytes };
    this.#addresses.set(buffer, this.#driver.allocate(bytes, label));
    return buffer;
  }

  free(buffer: DeviceBuffer): void {
    // The driver waits for what still uses the memory.
    this.#driver.call("cuMemFree_v2", this.#addressOf(buffer));
    this.#addresses.delete(buffer);
  }

  async upload(buffer: DeviceBuffer, offset: number, data: DeviceData): Promise<void> {
    invariant(offset + data.byteLength <= buffer.bytes, `an upload leaves ${buffer.label}`);
    if (data.byteLength === 0) return;
    const given = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // Whether the driver has read them when it returns is open ("API synchronization behavior").
    const isCopied = given.length <= mostCopied;
    const bytes = isCopied ? new Uint8Array(new ArrayBuffer(given.length)) : given;
    if (isCopied) bytes.set(given);
    this.#sources.push(bytes);
    const target = this.#addressOf(buffer) + BigInt(offset);
    const { stream } = this.#driver;
    this.#driver.call("cuMemcpyHtoDAsync_v2", target, bytes, BigInt(bytes.length), stream);
    if (!isCopied) await this.finish();
  }

  async download(buffer: DeviceBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    invariant(offset + bytes <= buffer.bytes, `a download leaves ${buffer.label}`);
    const copy = new Uint8Array(new ArrayBuffer(bytes));
    if (bytes === 0) return copy.buffer;
    // The copy itself would block this thread until all that was queued is done.
    await this.finish();
    const source = this.#addressOf(buffer) + BigInt(offset);
    const { stream } = this.#driver;
    this.#driver.call("cuMemcpyDtoHAsync_v2", copy, source, BigInt(bytes), stream);
    this.#driver.call("cuStreamSynchronize", stream);
    return copy.buffer;
  }

  async run(commands: readonly Command[]): Promise<void> {
    let sequence: Dispatch[] = [];
    for (const command of commands) {
      if (command.kind === "dispatch") {
        sequence.push(command);
        continue;
      }
      this.#launch(sequence);
      sequence = [];
      const { from, to, bytes, toOffset } = command;
      const target = this.#addressIn(to) + BigInt(toOffset);
      const { stream } = this.#driver;
      const source = this.#addressIn(from);
      this.#driver.call("cuMemcpyDtoDAsync_v2", target, source, BigInt(bytes), stream);
    }
    this.#launch(sequence);
  }

  /** Runs commands and gives the milliseconds that the device took, by its own clock. */
  async measure(commands: readonly Command[]): Promise<number> {
    const driver = this.#driver;
    const [start, end] = [driver.make("cuEventCreate", 0), driver.make("cuEventCreate", 0)];
    try {
      driver.call("cuEventRecord", start, driver.stream);
      await this.run(commands);
      driver.call("cuEventRecord", end, driver.stream);
      await this.finish();
      const elapsed = new Float32Array(1);
      driver.call("cuEventElapsedTime", new Uint8Array(elapsed.buffer), start, end);
      return elapsed[0] ?? 0;
    } finally {
      for (const event of [start, end]) driver.try("cuEventDestroy_v2", event);
    }
  }

  async finish(): Promise<void> {
    // Asking is cheap, and between two questions everything else in this thread gets its turn.
    while (!this.#driver.isIdle()) await new Promise((resolve) => setImmediate(resolve));
    this.#sources = [];
  }

  close(): void {
    const driver = this.#driver;
    // Kernels that still run need their module.
    driver.try("cuStreamSynchronize", driver.stream);
    for (const graph of this.#graphs.values()) graph?.close();
    for (const address of this.#addresses.values()) driver.try("cuMemFree_v2", address);
    for (const module of this.#modules) driver.try("cuModuleUnload", module);
    this.#graphs.clear();
    this.#addresses.clear();
    this.#kernels.clear();
    this.#modules = [];
    this.#driver.close();
  }

  /** Queues kernels: one by one at first, as a graph where the same ones come again. */
  #launch(sequence: readonly Dispatch[]): void {
    const launches = sequence.map((command) => this.#launchOf(command));
    if (launches.length < worthGraph) {
      for (const launch of launches) this.#driver.launch(launch);
      return;
    }
    const key = sequence.map(({ kernel }) => kernel).join();
    const known = this.#graphs.has(key);
    const graph = this.#graphs.get(key);
    if (graph !== undefined) {
      graph.launch(launches);
      return;
    }
    if (known) {
      const made = new KernelGraph(this.#driver, launches);
      this.#graphs.set(key, made);
      made.launch(launches);
      return;
    }
    for (const [oldest, made] of this.#graphs) {
      if (this.#graphs.size < mostGraphs) break;
      made?.close();
      this.#graphs.delete(oldest);
    }
    this.#graphs.set(key, undefined);
    for (const launch of launches) this.#driver.launch(launch);
  }

  #launchOf({ kernel, groups, buffers, scalars }: Dispatch): CudaLaunch {
    const loaded = this.#kernels.get(kernel);
    invariant(loaded !== undefined, `no kernel ${kernel} was loaded`);
    return { ...loaded, groups, buffers: buffers.map((each) => this.#addressIn(each)), scalars };
  }

  /** Takes those of `kernels` that the module has. */
  #addModule(image: Uint8Array, kernels: readonly PlanKernel[]): void {
    const driver = this.#driver;
    const module = driver.loadModule(image);
    this.#modules.push(module);
    for (const { name, workgroupSize: threads, sharedBytes = 0 } of kernels) {
      if (this.#kernels.has(name)) continue;
      const found = driver.kernel(module, name, sharedBytes);
      if (found !== undefined) this.#kernels.set(name, { function: found, threads, sharedBytes });
    }
  }

  #addressIn({ buffer, offset }: Slice): bigint {
    return this.#addressOf(buffer) + BigInt(offset);
  }

  #addressOf(buffer: DeviceBuffer): bigint {
    const address = this.#addresses.get(buffer);
    invariant(address !== undefined, `${buffer.label} is used after it was freed`);
    return address;
  }
}

type Dispatch = Extract<Command, { kind: "dispatch" }>;
