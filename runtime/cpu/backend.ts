/**
 * The CPU as a backend: kernels are functions of one WebAssembly module over one memory.
 *
 * Needs nothing but WebAssembly with SIMD, so it is there in Node, Deno and every browser. Several
 * threads share the groups of a kernel where the platform lets them share memory; the results have
 * the same bits with any number of them.
 */

import type {
  Backend,
  Command,
  DeviceBuffer,
  DeviceData,
  HalfElement,
  Progress,
} from "../backend.ts";
import type { CompiledModel, PlanKernel } from "../contract.ts";
import { BraidError, invariant, reasonOf } from "../errors.ts";
import { Heap, largestMemory } from "./heap.ts";
import { ThreadPool } from "./thread-pool.ts";
import { availableThreads } from "./threads.ts";
import type { KernelFunction } from "./tickets.ts";
import { othersTurn } from "./turn.ts";

/** A kernel, and what is known of it from its calls. */
interface LoadedKernel {
  readonly name: string;
  readonly run: KernelFunction;
  /** Its number in the thread pool. */
  readonly index: number;
  /** The least processor time that a group took, in milliseconds; unknown at first. */
  groupTime: number | undefined;
}

/** Kernels of fewer groups are over soon. */
const smallGroups = 64;

/** Memory of the heap; it has no address once it was freed. */
class CpuBuffer implements DeviceBuffer {
  readonly label: string;
  readonly bytes: number;
  address: number | undefined;

  constructor(label: string, bytes: number, address: number) {
    this.label = label;
    this.bytes = bytes;
    this.address = address;
  }
}

/** A dispatch as it is called; another command for the same kernel and buffers is the same call. */
interface Call {
  command: Extract<Command, { kind: "dispatch" }>;
  readonly kernel: LoadedKernel;
  /** Addresses, then scalars. */
  readonly args: number[];
}

/** How the CPU is used. */
export interface CpuOptions {
  /** Threads, this one included; 1 if absent. More than the platform offers throw `cpu/threads`. */
  readonly threads?: number;
}

/** Sharing a kernel pays off from so much processor time on, in milliseconds. */
const worthSharing = 0.004;

/** Kernels that take longer are cut into more pieces, in milliseconds of processor time. */
const longKernel = 1;

/** How long kernels may run before timers, input and drawing get their turn, in milliseconds. */
const sliceMilliseconds = 50;

/** A backend on this thread and, if asked for, on others. */
export function createCpuBackend({ threads = 1 }: CpuOptions = {}): Backend {
  const { why } = availableThreads();
  if (threads > 1 && why !== undefined) {
    throw new BraidError("cpu/threads", `${threads} threads cannot share memory: ${why}`, {
      hint: "use one thread",
    });
  }
  return new CpuBackend(threads);
}

class CpuBackend implements Backend {
  readonly kind = "cpu";
  readonly description: string;
  readonly target = "cpu";
  readonly separatesReadsFromWrites: boolean = false;
  readonly halves: readonly HalfElement[] = [];
  readonly capacity: number = largestMemory;
  readonly largestTensor: undefined = undefined;
  readonly #kernels: Map<string, LoadedKernel> = new Map();
  readonly #threads: number;
  #pool: ThreadPool | undefined;
  /**
   * The calls of a list of commands. A command that stands at its place again, the same object, is
   * the same call: its buffers still lie where they lay.
   */
  readonly #calls: WeakMap<readonly Command[], Call[]> = new WeakMap();
  #heap: Heap | undefined = new Heap();
  #turn: number = performance.now();

  constructor(threads: number) {
    this.#threads = threads;
    const several = threads > 1 ? `, ${threads} threads` : "";
    this.description = `the CPU (WebAssembly${several})`;
  }

  /** All kernels are one module, so the first call compiles them all. */
  async load(
    model: CompiledModel,
    _names: ReadonlySet<string>,
    progress: Progress = () => undefined,
  ): Promise<void> {
    if (this.#kernels.size > 0) return;
    const { plan, wasm } = model;
    invariant(wasm !== undefined, `${plan.model} comes without WebAssembly kernels`);
    progress(0, plan.kernels.length);
    const { memory } = this.#open;
    const module = await compile(wasm);
    const scratch = this.#scratch(module);
    const own = { memory, scratch: scratch[0] ?? 0 };
    const { exports } = await WebAssembly.instantiate(module, { env: own });
    const kernels = plan.kernels.map((kernel) => kernelOf(exports, kernel));
    const names = plan.kernels.map(({ name }) => name);
    for (const [index, run] of kernels.entries()) {
      const name = names[index] ?? "";
      this.#kernels.set(name, { name, run, index, groupTime: undefined });
    }
    if (this.#threads > 1) {
      const workers = scratch.slice(1);
      this.#pool = new ThreadPool({ module, memory, names, kernels, scratch: workers });
    }
    progress(plan.kernels.length, plan.kernels.length);
  }

  async allocate(bytes: number, label: string): Promise<DeviceBuffer> {
    return new CpuBuffer(label, bytes, this.#open.allocate(bytes, label));
  }

  free(buffer: DeviceBuffer): void {
    this.#open.free(this.#addressOf(buffer), buffer.bytes);
    if (buffer instanceof CpuBuffer) buffer.address = undefined;
  }

  async upload(buffer: DeviceBuffer, offset: number, data: DeviceData): Promise<void> {
    const { buffer: memory, byteOffset } = this.#bytes(buffer, offset, data.byteLength);
    // Of the same kind as `data`, whose own memory is not asked for: small arrays have none yet.
    if (data instanceof Int32Array) new Int32Array(memory, byteOffset, data.length).set(data);
    else if (data instanceof Float32Array)
      new Float32Array(memory, byteOffset, data.length).set(data);
    else new Uint16Array(memory, byteOffset, data.length).set(data);
  }

  async download(buffer: DeviceBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    // Made from another list, memory is not cleared first.
    return new Uint8Array(this.#bytes(buffer, offset, bytes)).buffer;
  }

  async run(commands: readonly Command[]): Promise<void> {
    const calls = this.#calls.get(commands) ?? [];
    this.#calls.set(commands, calls);
    for (let index = 0; index < commands.length; index++) {
      const command = commands[index];
      if (command === undefined) continue;
      this.#execute(command, calls, index);
      // Looking at the clock takes about as long as calling a small kernel.
      const small = command.kind === "dispatch" && command.groups < smallGroups;
      if (small && index % 16 !== 15) continue;
      if (performance.now() - this.#turn > sliceMilliseconds) {
        await othersTurn();
        this.#turn = performance.now();
      }
    }
  }

  async finish(): Promise<void> {
    // `run` has done everything by the time it resolves.
  }

  close(): void {
    this.#pool?.close();
    this.#pool = undefined;
    this.#heap = undefined;
    this.#kernels.clear();
  }

  get #open(): Heap {
    invariant(this.#heap !== undefined, "a CPU backend is used after `close`");
    return this.#heap;
  }

  #execute(command: Command, calls: Call[], index: number): void {
    if (command.kind === "copy") {
      const { from, to, bytes, toOffset } = command;
      const source = this.#bytes(from.buffer, from.offset, bytes);
      this.#bytes(to.buffer, to.offset + toOffset, bytes).set(source);
      return;
    }
    let call = calls[index];
    if (call?.command !== command) {
      call = call !== undefined && becomes(call, command) ? call : this.#callOf(command);
      calls[index] = call;
    }
    const { kernel, args } = call;
    try {
      this.#run(kernel, command.groups, args);
    } catch (error) {
      if (error instanceof BraidError) throw error;
      // A kernel has no way to fail but a trap, and a sound plan never leaves its memory.
      invariant(false, `kernel ${command.kernel} (${command.label}) trapped: ${reasonOf(error)}`);
    }
  }

  #callOf(command: Extract<Command, { kind: "dispatch" }>): Call {
    const kernel = this.#kernels.get(command.kernel);
    invariant(kernel !== undefined, `no kernel ${command.kernel} was loaded`);
    const pointers = command.buffers.map(({ buffer, offset }) => this.#addressOf(buffer) + offset);
    return { command, kernel, args: [...pointers, ...command.scalars] };
  }

  /** Runs all groups, on several threads where that is likely to be faster. */
  #run(kernel: LoadedKernel, groups: number, args: readonly number[]): void {
    const pool = this.#pool;
    if (pool === undefined || groups < 2 || !pool.takes(args.length)) {
      kernel.run(0, groups, ...args);
      return;
    }
    const before = kernel.groupTime;
    const expected = before === undefined ? undefined : before * groups;
    const shares = expected === undefined || expected > worthSharing;
    const start = performance.now();
    if (shares) pool.run(kernel.index, groups, args, (expected ?? 0) > longKernel);
    else kernel.run(0, groups, ...args);
    const time = ((performance.now() - start) * (shares ? pool.size : 1)) / groups;
    if (before === undefined || time < before) kernel.groupTime = time;
  }

  /** An address of scratch memory for each thread, if kernels need any. */
  #scratch(module: WebAssembly.Module): readonly number[] {
    const [section] = WebAssembly.Module.customSections(module, "scratch");
    const bytes = section === undefined ? 0 : Number(new TextDecoder().decode(section));
    return Array.from({ length: this.#threads }, () =>
      bytes === 0 ? 0 : this.#open.allocate(bytes, "the scratch memory of kernels"),
    );
  }

  #bytes(buffer: DeviceBuffer, offset: number, length: number): Uint8Array {
    const fits = offset >= 0 && offset + length <= buffer.bytes;
    invariant(
      fits,
      `${length} bytes at ${offset} leave ${buffer.label}, which has ${buffer.bytes}`,
    );
    return new Uint8Array(this.#open.buffer, this.#addressOf(buffer) + offset, length);
  }

  #addressOf(buffer: DeviceBuffer): number {
    invariant(this.#heap !== undefined, "a CPU backend is used after `close`");
    const address = buffer instanceof CpuBuffer ? buffer.address : undefined;
    invariant(address !== undefined, `${buffer.label} is used after it was freed`);
    return address;
  }
}

/** Makes `call` that of `command`, if they differ in numbers only; whether they do. */
function becomes(call: Call, command: Extract<Command, { kind: "dispatch" }>): boolean {
  const { kernel, buffers, scalars } = call.command;
  const isAlike = kernel === command.kernel && buffers === command.buffers;
  if (!isAlike || scalars.length !== command.scalars.length) return false;
  for (let index = 0; index < scalars.length; index++) {
    call.args[buffers.length + index] = command.scalars[index] ?? 0;
  }
  call.command = command;
  return true;
}

async function compile(wasm: Uint8Array): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(new Uint8Array(wasm));
  } catch (error) {
    throw new BraidError("cpu/module", `the kernels cannot be compiled: ${reasonOf(error)}`, {
      hint: "WebAssembly with SIMD is needed: Node 20, or a browser of 2023 or later",
      cause: error,
    });
  }
}

function kernelOf(exports: WebAssembly.Exports, kernel: PlanKernel): KernelFunction {
  const found: unknown = exports[kernel.name];
  invariant(isKernel(found), `the module exports no kernel ${kernel.name}`);
  const takes = 2 + kernel.buffers.length + kernel.scalars.length;
  invariant(found.length === takes, `${kernel.name} takes ${found.length} numbers, not ${takes}`);
  return found;
}

function isKernel(found: unknown): found is KernelFunction {
  return typeof found === "function";
}
