/**
 * The CPU as a backend: kernels are functions of one WebAssembly module over one memory.
 *
 * Needs nothing but WebAssembly with SIMD, so it is there in Node, Deno and every browser. One
 * thread.
 */

import type { Backend, Command, DeviceBuffer, Progress } from "../backend.ts";
import type { CompiledModel, PlanKernel } from "../contract.ts";
import { BraidError, invariant, reasonOf } from "../errors.ts";
import { Heap, largestMemory } from "./heap.ts";

/** A kernel as `contract.ts` describes it: `(firstGroup, endGroup, pointer…, scalar…)`. */
type KernelFunction = (...args: readonly number[]) => unknown;

/** How long kernels may run before timers, input and drawing get their turn, in milliseconds. */
const sliceMilliseconds = 50;

/** A backend on this thread. */
export function createCpuBackend(): Backend {
  return new CpuBackend();
}

class CpuBackend implements Backend {
  readonly kind = "cpu";
  readonly description: string = "the CPU (WebAssembly)";
  readonly target = "cpu";
  readonly separatesReadsFromWrites: boolean = false;
  readonly capacity: number = largestMemory;
  readonly largestTensor: undefined = undefined;
  readonly #kernels: Map<string, KernelFunction> = new Map();
  readonly #addresses: Map<DeviceBuffer, number> = new Map();
  #heap: Heap | undefined = new Heap();
  #turn: number = performance.now();

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
    const { exports } = await instantiate(wasm, this.#open);
    for (const kernel of plan.kernels) this.#kernels.set(kernel.name, kernelOf(exports, kernel));
    progress(plan.kernels.length, plan.kernels.length);
  }

  async allocate(bytes: number, label: string): Promise<DeviceBuffer> {
    const buffer = { label, bytes };
    this.#addresses.set(buffer, this.#open.allocate(bytes, label));
    return buffer;
  }

  free(buffer: DeviceBuffer): void {
    this.#open.free(this.#addressOf(buffer), buffer.bytes);
    this.#addresses.delete(buffer);
  }

  async upload(
    buffer: DeviceBuffer,
    offset: number,
    data: Float32Array | Int32Array,
  ): Promise<void> {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#bytes(buffer, offset, bytes.length).set(bytes);
  }

  async download(buffer: DeviceBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const copy = new Uint8Array(bytes);
    copy.set(this.#bytes(buffer, offset, bytes));
    return copy.buffer;
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      this.#execute(command);
      if (performance.now() - this.#turn > sliceMilliseconds) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        this.#turn = performance.now();
      }
    }
  }

  async finish(): Promise<void> {
    // `run` has done everything by the time it resolves.
  }

  close(): void {
    this.#heap = undefined;
    this.#kernels.clear();
    this.#addresses.clear();
  }

  get #open(): Heap {
    invariant(this.#heap !== undefined, "a CPU backend is used after `close`");
    return this.#heap;
  }

  #execute(command: Command): void {
    if (command.kind === "copy") {
      const { from, to, bytes, toOffset } = command;
      const source = this.#bytes(from.buffer, from.offset, bytes);
      this.#bytes(to.buffer, to.offset + toOffset, bytes).set(source);
      return;
    }
    const kernel = this.#kernels.get(command.kernel);
    invariant(kernel !== undefined, `no kernel ${command.kernel} was loaded`);
    const pointers = command.buffers.map(({ buffer, offset }) => this.#addressOf(buffer) + offset);
    try {
      kernel(0, command.groups, ...pointers, ...command.scalars);
    } catch (error) {
      // A kernel has no way to fail but a trap, and a sound plan never leaves its memory.
      invariant(false, `kernel ${command.kernel} (${command.label}) trapped: ${reasonOf(error)}`);
    }
  }

  #bytes(buffer: DeviceBuffer, offset: number, length: number): Uint8Array {
    const fits = offset >= 0 && offset + length <= buffer.bytes;
    invariant(
      fits,
      `${length} bytes at ${offset} leave ${buffer.label}, which has ${buffer.bytes}`,
    );
    return new Uint8Array(this.#open.memory.buffer, this.#addressOf(buffer) + offset, length);
  }

  #addressOf(buffer: DeviceBuffer): number {
    const address = this.#addresses.get(buffer);
    invariant(address !== undefined, `${buffer.label} is used after it was freed`);
    return address;
  }
}

async function instantiate(wasm: Uint8Array, heap: Heap): Promise<WebAssembly.Instance> {
  const module = await compile(wasm);
  const [section] = WebAssembly.Module.customSections(module, "scratch");
  const bytes = section === undefined ? 0 : Number(new TextDecoder().decode(section));
  const scratch = bytes === 0 ? 0 : heap.allocate(bytes, "the scratch memory of kernels");
  return await WebAssembly.instantiate(module, { env: { memory: heap.memory, scratch } });
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
  const found = exports[kernel.name];
  invariant(typeof found === "function", `the module exports no kernel ${kernel.name}`);
  const takes = 2 + kernel.buffers.length + kernel.scalars.length;
  invariant(found.length === takes, `${kernel.name} takes ${found.length} numbers, not ${takes}`);
  return (...args) => found(...args);
}
