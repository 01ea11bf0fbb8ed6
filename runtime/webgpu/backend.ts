/**
 * A WebGPU device as a backend: in a browser, in Deno, and in Node through the `webgpu` package.
 *
 * Each run is one command buffer, which ends with copies of what is read back. The scalars of its
 * dispatches lie in one uniform buffer, a slot each; bind groups are kept while the buffers that they
 * bind live.
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
import type { CompiledModel } from "../contract.ts";
import { BraidError, invariant, reasonOf } from "../errors.ts";
import { showBytes } from "../show-bytes.ts";
import { type FoundAdapter, findAdapter, noAdapter, openDevice } from "./device.ts";
import { type Around, Encoder, type Memory } from "./encode.ts";
import { FirstRuns } from "./first-runs.ts";
import { bufferUsage } from "./flags.ts";
import { PassClock } from "./pass-clock.ts";
import { compilePipelines, type Pipeline } from "./pipelines.ts";
import { ReadBacks } from "./read-backs.ts";

/**
 * Opens the adapter that `gpu` offers, software or not. Throws `webgpu/adapter` where there is
 * none.
 */
export async function createWebGpuBackend(gpu: GPU | undefined): Promise<Backend> {
  const found = await findAdapter(gpu);
  if (found === undefined) throw noAdapter();
  return openWebGpuBackend(found);
}

/** Opens an adapter that was found. Throws `webgpu/device` where it gives no device. */
export async function openWebGpuBackend(found: FoundAdapter): Promise<Backend> {
  return new WebGpuBackend(await openDevice(found), found);
}

/** How many bytes may wait in upload buffers: beyond that, uploads wait for the device. */
const largestBacklog = 256 * 2 ** 20;

class WebGpuBackend implements Backend {
  readonly kind = "webgpu";
  readonly description: string;
  readonly target = "gpu";
  readonly separatesReadsFromWrites: boolean = true;
  readonly halves: readonly HalfElement[];
  readonly capacity: undefined = undefined;
  readonly largestTensor: number;
  readonly #device: GPUDevice;
  readonly #software: boolean;
  readonly #buffers: Map<DeviceBuffer, Memory> = new Map();
  #allocated: number = 0;
  readonly #pipelines: Map<string, Pipeline> = new Map();
  readonly #encoder: Encoder;
  readonly #readBacks: ReadBacks;
  #lost: string | undefined;
  #backlog: number = 0;
  /** The device's word on runs that nobody waited for: rejects with what it refused. */
  #pending: Promise<unknown> = Promise.resolve();

  constructor(device: GPUDevice, { name, software }: FoundAdapter) {
    this.#device = device;
    this.#software = software;
    const memory = (buffer: DeviceBuffer): Memory => this.#memoryOf(buffer);
    this.#encoder = new Encoder(device, this.#pipelines, memory);
    this.#readBacks = new ReadBacks(device, memory);
    this.description = `WebGPU (${name})`;
    this.halves = device.features.has("shader-f16") ? ["f16"] : [];
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    this.largestTensor = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    // Resolves when the device is lost, which `close` does too.
    void device.lost.then(({ reason, message }) => {
      this.#lost ??= message === "" ? reason : message;
    });
  }

  async load(
    model: CompiledModel,
    names: ReadonlySet<string>,
    progress: Progress = () => undefined,
  ): Promise<void> {
    const { plan, wgsl } = model;
    invariant(wgsl !== undefined, `${plan.model} comes without WGSL kernels`);
    await this.#checked(async () => {
      const kernels = plan.kernels.filter(
        ({ name }) => names.has(name) && !this.#pipelines.has(name),
      );
      const firstRuns = this.#software ? new FirstRuns(this.#device, kernels) : undefined;
      try {
        const compiled = await compilePipelines(this.#device, kernels, wgsl, progress, firstRuns);
        for (const [name, pipeline] of compiled) this.#pipelines.set(name, pipeline);
      } finally {
        firstRuns?.close();
      }
    });
  }

  async allocate(bytes: number, label: string): Promise<DeviceBuffer> {
    const { maxBufferSize } = this.#device.limits;
    if (bytes > maxBufferSize) throw tooLarge(label, bytes, maxBufferSize);
    return this.#checked(async () => {
      this.#device.pushErrorScope("out-of-memory");
      const usage = bufferUsage.storage | bufferUsage.copySource | bufferUsage.copyTarget;
      const gpu = this.#device.createBuffer({ label, size: bytes, usage });
      const error = await this.#device.popErrorScope();
      if (error !== null) throw noMemory(label, bytes, error.message);
      const buffer = { label, bytes };
      this.#allocated++;
      this.#buffers.set(buffer, { gpu, id: this.#allocated });
      return buffer;
    });
  }

  free(buffer: DeviceBuffer): void {
    this.#memoryOf(buffer).gpu.destroy();
    this.#buffers.delete(buffer);
    this.#encoder.unbind();
    this.#readBacks.forget(buffer);
  }

  async upload(buffer: DeviceBuffer, offset: number, data: DeviceData): Promise<void> {
    const { gpu } = this.#memoryOf(buffer);
    const { byteOffset, byteLength } = data;
    invariant(offset + byteLength <= buffer.bytes, `an upload leaves ${buffer.label}`);
    if (byteLength === 0) return;
    await this.#checked(async () => {
      this.#device.queue.writeBuffer(gpu, offset, data.buffer, byteOffset, byteLength);
      this.#readBacks.changed(buffer);
      this.#backlog += byteLength;
      if (this.#backlog > largestBacklog) {
        this.#device.queue.submit([]);
        await this.#device.queue.onSubmittedWorkDone();
        this.#backlog = 0;
      }
    });
  }

  async download(buffer: DeviceBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    invariant(offset + bytes <= buffer.bytes, `a download leaves ${buffer.label}`);
    if (bytes === 0) return new ArrayBuffer(0);
    return this.#checked(async () => {
      const read = this.#readBacks.read(buffer, offset, bytes);
      const [found] = await Promise.all([read, this.#settled()]);
      return found;
    });
  }

  async run(commands: readonly Command[]): Promise<void> {
    if (commands.length === 0) return;
    await this.#checked(async () => {
      const { bound } = this.#encoder;
      const accepted = this.#accepted(commands, this.#submit(commands));
      if (this.#encoder.bound !== bound) return accepted;
      // All of it was accepted before, so that only who reads what it gives waits for a word on it.
      this.#pending = Promise.all([this.#pending, accepted]);
      this.#pending.catch(() => undefined);
    });
  }

  /** By timestamps around a pass of kernels, where the device has them. */
  async measure(commands: readonly Command[]): Promise<number | undefined> {
    const kernels = commands.every(({ kind }) => kind === "dispatch");
    if (!kernels || commands.length === 0 || !this.#device.features.has("timestamp-query"))
      return undefined;
    return this.#checked(async () => {
      const clock = new PassClock(this.#device);
      try {
        await this.#accepted(commands, this.#submit(commands, clock.writes));
        return await clock.milliseconds();
      } finally {
        clock.close();
      }
    });
  }

  async finish(): Promise<void> {
    await this.#checked(() =>
      Promise.all([this.#device.queue.onSubmittedWorkDone(), this.#settled()]),
    );
  }

  close(): void {
    for (const { gpu } of this.#buffers.values()) gpu.destroy();
    this.#buffers.clear();
    this.#encoder.close();
    this.#readBacks.close();
    this.#device.destroy();
    // Deno announces the loss only after further commands have seemed to work.
    this.#lost ??= "the backend was closed";
  }

  /** Submits `commands`; gives the errors of the device as it tells them. */
  #submit(
    commands: readonly Command[],
    timestamps?: GPUComputePassTimestampWrites,
  ): Promise<readonly (GPUError | null)[]> {
    const device = this.#device;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    let errors: readonly Promise<GPUError | null>[];
    const atEnd = (encoder: GPUCommandEncoder): void =>
      this.#readBacks.follow(encoder, commands, this.#pipelines);
    try {
      const around = { atEnd, ...(timestamps === undefined ? {} : { timestamps }) };
      device.queue.submit([this.#encode(commands, around)]);
    } finally {
      errors = [device.popErrorScope(), device.popErrorScope()];
    }
    return Promise.all(errors);
  }

  /** Resolves where the device accepts `commands`; throws what is wrong where it does not. */
  async #accepted(
    commands: readonly Command[],
    errors: Promise<readonly (GPUError | null)[]>,
  ): Promise<void> {
    const [memory = null, validation = null] = await errors;
    const error = validation ?? memory;
    if (error === null) return;
    // Nothing was copied.
    this.#readBacks.changed();
    throw await this.#refusal([...commands], error.message);
  }

  /** Resolves where the device has accepted all that nobody waited for. */
  #settled(): Promise<unknown> {
    const pending = this.#pending;
    this.#pending = Promise.resolve();
    return pending;
  }

  #encode(commands: readonly Command[], around: Around = {}): GPUCommandBuffer {
    const limit = this.#device.limits.maxStorageBufferBindingSize;
    for (const command of commands) {
      for (const slice of slicesOf(command)) {
        if (slice.bytes > limit) throw tooLarge(slice.buffer.label, slice.bytes, limit);
      }
    }
    return this.#encoder.encode(commands, around);
  }

  /**
   * The error for commands that the device refused: encodes them one by one to find the guilty one.
   */
  async #refusal(commands: readonly Command[], reason: string): Promise<BraidError> {
    let guilty: Command | undefined;
    for (const command of commands) {
      this.#device.pushErrorScope("validation");
      this.#encode([command]);
      const error = await this.#device.popErrorScope();
      if (error === null) continue;
      guilty = command;
      break;
    }
    const kernel = guilty?.kind === "dispatch" ? `kernel ${guilty.kernel} ` : "";
    const where = guilty === undefined ? "a command" : `${kernel}(${guilty.label})`;
    return new BraidError("webgpu/validation", `the device refuses ${where}: ${reason}`, {
      hint: "use `--backend cpu`, and report this with the name of the device",
    });
  }

  /** Does `work`; if the device is lost meanwhile, says so instead of whatever came of it. */
  async #checked<T>(work: () => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw deviceLost(this.#lost);
    try {
      const result = await work();
      if (this.#lost === undefined) return result;
    } catch (error) {
      if (error instanceof BraidError) throw error;
      // A loss is announced in a task of its own, which may come after the failure that it causes.
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (this.#lost === undefined) throw failed(error);
    }
    throw deviceLost(this.#lost);
  }

  #memoryOf(buffer: DeviceBuffer): Memory {
    const memory = this.#buffers.get(buffer);
    invariant(memory !== undefined, `${buffer.label} is used after it was freed`);
    return memory;
  }
}

function slicesOf(command: Command): readonly Slice[] {
  return command.kind === "dispatch" ? command.buffers : [];
}

function deviceLost(reason: string): BraidError {
  return new BraidError("webgpu/lost", `the GPU was lost: ${reason}`, {
    hint: "open the model again: a new backend and a new session start where this one stood",
  });
}

function failed(error: unknown): BraidError {
  return new BraidError("webgpu/failed", `WebGPU failed: ${reasonOf(error)}`, {
    hint: "use `--backend cpu`, and report this with the name of the device",
    cause: error,
  });
}

function tooLarge(label: string, bytes: number, limit: number): BraidError {
  const message = `${label} takes ${showBytes(bytes)}`;
  const most = `this device binds at most ${showBytes(limit)} at once`;
  return new BraidError("webgpu/limit", `${message}, but ${most}`, {
    hint: "use a smaller model, fewer rows at once, `--backend cpu`, or another device",
  });
}

function noMemory(label: string, bytes: number, reason: string): BraidError {
  const message = `the GPU has no ${showBytes(bytes)} left for ${label}: ${reason}`;
  return new BraidError("memory/full", message, {
    hint: "close other programs that use the GPU, or use a smaller model or `--backend cpu`",
  });
}
