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
  Upload,
} from "../backend.ts";
import type { CompiledModel, MultiplyAdd, PlanKernel } from "../contract.ts";
import { BraidError, invariant, reasonOf } from "../errors.ts";
import { type Aside, Beside, type Caller } from "./beside.ts";
import { CallList, type RecordMaker } from "./call-list.ts";
import { Heap, largestMemory } from "./heap.ts";
import { usableMultiplyAdd } from "./multiply-add.ts";
import { ResultMemory } from "./result-memory.ts";
import { record } from "./runner-module.ts";
import { type KernelFunction, Runner } from "./runner.ts";
import { availableThreads } from "./threads.ts";
import { othersTurn } from "./turn.ts";

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

/** A backend that says which form of kernels it takes. */
export interface CpuBackend extends Backend {
  /** The form that its kernels have; until they are loaded, the one that they are wanted in. */
  readonly multiplyAdd: MultiplyAdd;
}

/** How the CPU is used. */
export interface CpuOptions {
  /** Threads, this one included; 1 if absent. More than the platform offers throw `cpu/threads`. */
  readonly threads?: number | undefined;
  /**
   * How kernels multiply and add; `fused` where the engine does, if absent. Throws `cpu/fused` where it
   * does not. `separate` gives the same bits on every machine.
   */
  readonly multiplyAdd?: MultiplyAdd | undefined;
}

/** So few words are copied one by one: a view of memory takes longer to make. */
const fewWords = 64;

/** While so many bytes are copied other threads have the time to wake up for what comes next. */
const worthWaking = 65_536;

/** How long kernels may run before timers, input and drawing get their turn, in milliseconds. */
const sliceMilliseconds = 50;

/** A backend on this thread and, if asked for, on others. */
export function createCpuBackend({ threads = 1, multiplyAdd }: CpuOptions = {}): CpuBackend {
  const { why } = availableThreads();
  if (threads > 1 && why !== undefined) {
    throw new BraidError("cpu/threads", `${threads} threads cannot share memory: ${why}`, {
      hint: "use one thread",
    });
  }
  return new WebAssemblyBackend(threads, usableMultiplyAdd(multiplyAdd));
}

class WebAssemblyBackend implements CpuBackend, RecordMaker, Caller {
  readonly kind = "cpu";
  readonly target = "cpu";
  readonly separatesReadsFromWrites: boolean = false;
  readonly halves: readonly HalfElement[] = [];
  readonly capacity: number = largestMemory;
  readonly largestTensor: undefined = undefined;
  /** The number of each kernel. */
  readonly #kernels: Map<string, number> = new Map();
  readonly threads: number;
  #multiplyAdd: MultiplyAdd;
  #runner: Runner | undefined;
  /** The records of lists that were run before. */
  readonly #lists: WeakMap<readonly Command[], CallList> = new WeakMap();
  /** Lists that were run once, and what they all use: most of them are not seen again. */
  readonly #seen: WeakSet<readonly Command[]> = new WeakSet();
  readonly #once: CallList = new CallList(this);
  readonly #results: ResultMemory = new ResultMemory();
  /** What is done beside kernels, if there are other threads that run them. */
  #beside: Beside | undefined;
  recordWords: number = record.arguments;
  #heap: Heap | undefined = new Heap();
  #turn: number = performance.now();

  constructor(threads: number, multiplyAdd: MultiplyAdd) {
    this.threads = threads;
    this.#multiplyAdd = multiplyAdd;
  }

  get description(): string {
    const fused = this.#multiplyAdd === "fused" ? ", fused multiply-add" : "";
    const several = this.threads > 1 ? `, ${this.threads} threads` : "";
    return `the CPU (WebAssembly${fused}${several})`;
  }

  get multiplyAdd(): MultiplyAdd {
    return this.#multiplyAdd;
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
    const { memory } = this.heap;
    const module = await compile(wasm);
    this.#take(multiplyAddOf(module));
    const scratch = this.#scratch(module);
    const own = { memory, scratch: scratch[0] ?? 0 };
    const { exports } = await WebAssembly.instantiate(module, { env: own });
    const kernels = plan.kernels.map((kernel) => kernelOf(exports, kernel));
    const names = plan.kernels.map(({ name }) => name);
    for (const [index, name] of names.entries()) this.#kernels.set(name, index);
    if (this.threads > 1) this.#beside = new Beside(this, plan.kernels, this.#results);
    // Those of a copy are three.
    const most = kernels.reduce((all, { length }) => Math.max(all, length - 2), 3);
    // Whole lines: what one thread patches is not what another reads.
    this.recordWords = Math.ceil((record.arguments + most) / 16) * 16;
    const workers = scratch.slice(1);
    this.#runner = await Runner.start({
      module,
      heap: this.heap,
      names,
      kernels,
      scratch: workers,
    });
    progress(plan.kernels.length, plan.kernels.length);
  }

  /** Plain kernels run everywhere; fused ones where they are wanted. */
  #take(found: MultiplyAdd): void {
    if (found === "fused" && this.#multiplyAdd === "separate") {
      throw new BraidError("cpu/fused", "these kernels multiply and add in one instruction", {
        hint: "load `kernels.wasm`, as `loadKernels` does if it is not told otherwise",
      });
    }
    this.#multiplyAdd = found;
  }

  async allocate(bytes: number, label: string): Promise<DeviceBuffer> {
    return new CpuBuffer(label, bytes, this.heap.allocate(bytes, label));
  }

  free(buffer: DeviceBuffer): void {
    this.heap.free(this.#addressOf(buffer), buffer.bytes);
    if (buffer instanceof CpuBuffer) buffer.address = undefined;
    this.#results.forget(buffer);
  }

  upload(buffer: DeviceBuffer, offset: number, data: DeviceData): undefined {
    this.#results.forget(buffer);
    if (data instanceof Int32Array && data.length <= fewWords) {
      const first = this.address(buffer, offset, 4 * data.length) / 4;
      const { words } = this.heap;
      for (let at = 0; at < data.length; at++) words[first + at] = data[at] ?? 0;
      return;
    }
    if (data.byteLength >= worthWaking) this.wake();
    const { buffer: memory, byteOffset } = this.bytes(buffer, offset, data.byteLength);
    // Of the same kind as `data`, whose own memory is not asked for: small arrays have none yet.
    if (data instanceof Int32Array) new Int32Array(memory, byteOffset, data.length).set(data);
    else if (data instanceof Float32Array)
      new Float32Array(memory, byteOffset, data.length).set(data);
    else new Uint16Array(memory, byteOffset, data.length).set(data);
  }

  /** Wakes threads that sleep: there will soon be something to run. */
  wake(): void {
    this.#runner?.wake();
  }

  view(buffer: DeviceBuffer): Uint8Array {
    return this.bytes(buffer, 0, buffer.bytes);
  }

  download(buffer: DeviceBuffer, offset: number, bytes: number): ArrayBuffer {
    return this.#results.read(buffer, offset, this.bytes(buffer, offset, bytes));
  }

  run(commands: readonly Command[]): Promise<void> | undefined {
    return this.#start(commands, undefined);
  }

  runWith(arriving: Upload, commands: readonly Command[]): Promise<void> | undefined {
    return this.#start(commands, arriving);
  }

  #start(commands: readonly Command[], given: Upload | undefined): Promise<void> | undefined {
    try {
      const list = this.#listOf(commands);
      list.take(commands);
      const arriving = given && this.#beside?.arriving(list, commands, given);
      if (given !== undefined && arriving === undefined)
        this.upload(given.buffer, given.offset, given.data);
      const asides = this.#beside?.asides(list, commands, arriving);
      return this.#runFrom(list, 0, commands.length, asides);
    } catch (error) {
      // What was given has been given, whatever becomes of the commands.
      if (given !== undefined) this.upload(given.buffer, given.offset, given.data);
      return Promise.reject(error);
    }
  }

  /** Runs the records of a list from `index` to `end`; others have their turn between. */
  #runFrom(
    list: CallList,
    index: number,
    end: number,
    asides?: ReadonlyMap<number, Aside>,
  ): Promise<void> | undefined {
    for (let next = index; next < end; ) {
      const aside = asides?.get(next);
      let count = 1;
      if (aside !== undefined) aside();
      else {
        let stop = asides === undefined ? end : next + 1;
        while (stop < end && asides?.has(stop) !== true) stop++;
        count = list.fewFrom(next, stop);
        this.call(list, next, count);
      }
      next += count;
      if (performance.now() - this.#turn > sliceMilliseconds)
        return this.#resume(list, next, end, asides);
    }
    return undefined;
  }

  async #resume(
    list: CallList,
    index: number,
    end: number,
    asides?: ReadonlyMap<number, Aside>,
  ): Promise<void> {
    await othersTurn();
    this.#turn = performance.now();
    await this.#runFrom(list, index, end, asides);
  }

  async finish(): Promise<void> {
    // `run` has done everything by the time it resolves.
  }

  close(): void {
    this.#runner?.close();
    this.#runner = undefined;
    this.#heap = undefined;
    this.#kernels.clear();
  }

  get heap(): Heap {
    invariant(this.#heap !== undefined, "a CPU backend is used after `close`");
    return this.#heap;
  }

  /** The number of what copies memory: the one after the last kernel. */
  get copies(): number {
    return this.#kernels.size;
  }

  kernel(name: string): number {
    const kernel = this.#kernels.get(name);
    invariant(kernel !== undefined, `no kernel ${name} was loaded`);
    return kernel;
  }

  #listOf(commands: readonly Command[]): CallList {
    const known = this.#lists.get(commands);
    if (known !== undefined) return known;
    if (!this.#seen.has(commands)) {
      this.#seen.add(commands);
      return this.#once;
    }
    const list = new CallList(this);
    this.#lists.set(commands, list);
    return list;
  }

  /** Runs some records of a list; the only one, which threads share, beside `meanwhile`. */
  call(list: CallList, index: number, count: number, meanwhile?: () => void): void {
    const runner = this.#runner;
    invariant(runner !== undefined, "commands are run before kernels were loaded");
    try {
      if (meanwhile === undefined) runner.run(list.at(index), count, list.step);
      else runner.runBeside(list.at(index), meanwhile);
    } catch (error) {
      if (error instanceof BraidError) throw error;
      const command = list.commandAt(runner.current);
      const name = command?.kind === "dispatch" ? `kernel ${command.kernel}` : "a copy";
      // A kernel has no way to fail but a trap, and a sound plan never leaves its memory.
      invariant(false, `${name} (${command?.label}) trapped: ${reasonOf(error)}`);
    }
  }

  /** An address of scratch memory for each thread, if kernels need any. */
  #scratch(module: WebAssembly.Module): readonly number[] {
    const [section] = WebAssembly.Module.customSections(module, "scratch");
    const bytes = section === undefined ? 0 : Number(new TextDecoder().decode(section));
    return Array.from({ length: this.threads }, () =>
      bytes === 0 ? 0 : this.heap.allocate(bytes, "the scratch memory of kernels"),
    );
  }

  /** The address of bytes of a buffer. */
  address(buffer: DeviceBuffer, offset: number, length: number): number {
    const fits = offset >= 0 && offset + length <= buffer.bytes;
    // The message is only made where it is needed.
    if (!fits) {
      const place = `${buffer.label}, which has ${buffer.bytes}`;
      invariant(false, `${length} bytes at ${offset} leave ${place}`);
    }
    return this.#addressOf(buffer) + offset;
  }

  /** Some bytes of a buffer. */
  bytes(buffer: DeviceBuffer, offset: number, length: number): Uint8Array {
    return new Uint8Array(this.heap.buffer, this.address(buffer, offset, length), length);
  }

  #addressOf(buffer: DeviceBuffer): number {
    invariant(this.#heap !== undefined, "a CPU backend is used after `close`");
    const address = buffer instanceof CpuBuffer ? buffer.address : undefined;
    if (address === undefined) invariant(false, `${buffer.label} is used after it was freed`);
    return address;
  }
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

function multiplyAddOf(module: WebAssembly.Module): MultiplyAdd {
  const sections = WebAssembly.Module.customSections(module, "fused");
  return sections.length > 0 ? "fused" : "separate";
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
