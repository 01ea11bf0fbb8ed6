/**
 * Runs the records of kernel calls (`runner-module.ts`) on this thread and, if asked for, on others.
 */

import { BraidError, invariant, reasonOf } from "../errors.ts";
import { type Heap, largestMemory, pageBytes } from "./heap.ts";
import { record, runnerModule, shared, sharedBytes } from "./runner-module.ts";
import { startThread, type Thread } from "./threads.ts";

/** A kernel as `contract.ts` describes it: `(firstGroup, endGroup, pointer…, scalar…)`. */
export type KernelFunction = (...args: readonly number[]) => unknown;

/** What the threads run. */
export interface RunnerStart {
  readonly module: WebAssembly.Module;
  readonly heap: Heap;
  readonly names: readonly string[];
  /** The kernels as the calling thread has them, in the order of `names`. */
  readonly kernels: readonly KernelFunction[];
  /** The address of the scratch memory of each worker: one worker for each. */
  readonly scratch: readonly number[];
}

type Export = (...args: readonly number[]) => unknown;

/** The calling thread and its workers. */
export class Runner {
  readonly #heap: Heap;
  /** The address of what the threads share. */
  readonly #sync: number;
  readonly #run: Export;
  readonly #share: Export;
  readonly #finish: Export;
  readonly #threads: readonly Thread[];
  #failure: unknown;
  #failed: boolean = false;

  private constructor(start: RunnerStart, runner: WebAssembly.Module, sync: number) {
    const { module, heap, names, kernels, scratch } = start;
    const { memory } = heap;
    this.#heap = heap;
    this.#sync = sync;
    const { exports } = new WebAssembly.Instance(runner, {
      kernels: Object.fromEntries(kernels.map((kernel, index) => [index, kernel])),
      env: { memory },
    });
    this.#run = functionOf(exports, "run");
    this.#share = functionOf(exports, "share");
    this.#finish = functionOf(exports, "finish");
    this.#set(shared.threads, scratch.length + 1);
    this.#set(shared.maySleep, mayWait ? 1 : 0);
    const failed = (error: unknown): void => {
      this.#failure = error;
      this.#failed = true;
    };
    const all = { kernels: module, runner, memory, names, sync, at: shared };
    this.#threads = scratch.map((address, index) =>
      startThread({ ...all, scratch: address, own: index + 1 }, failed),
    );
  }

  /** Compiles what runs records, and starts the workers. */
  static async start(start: RunnerStart): Promise<Runner> {
    const { heap, kernels, scratch } = start;
    // Two numbers say which groups.
    const numbers = kernels.map(({ length }) => length - 2);
    const bytes = runnerModule(numbers, largestMemory / pageBytes);
    const size = sharedBytes(scratch.length + 1);
    const sync = heap.allocate(size, "what threads share");
    new Uint8Array(heap.buffer, sync, size).fill(0);
    return new Runner(start, await WebAssembly.compile(bytes), sync);
  }

  /** The address of the record that was run last, for whoever catches what `run` throws. */
  get current(): number {
    return this.#get(shared.current) >>> 0;
  }

  /**
   * Runs `count` records from the address `at` on, which are `bytes` apart. Throws what a kernel threw
   * on one of the threads, when none of them runs groups of that record any more.
   */
  run(at: number, count: number, bytes: number): void {
    if (this.#failed) throw threadError(this.#failure);
    try {
      this.#run(this.#sync, at, count, bytes);
    } catch (error) {
      this.#settle();
      throw error;
    }
    this.#check();
  }

  /**
   * Runs the record at the address `at`, which threads share. Others begin while this one does
   * `meanwhile`, which throws nothing.
   */
  runBeside(at: number, meanwhile: () => void): void {
    if (this.#failed) throw threadError(this.#failure);
    this.#set(shared.current, at);
    this.#share(this.#sync, at);
    meanwhile();
    try {
      this.#finish(this.#sync);
    } catch (error) {
      this.#settle();
      throw error;
    }
    this.#check();
  }

  /** Throws what a kernel threw on another thread. */
  #check(): void {
    const length = this.#get(shared.failure);
    if (length === 0) return;
    const start = (this.#sync + shared.failure) / 4 + 1;
    const message = String.fromCharCode(...this.#heap.words.subarray(start, start + length));
    this.#set(shared.failure, 0);
    throw new Error(message);
  }

  /**
   * Wakes threads that sleep, since a call will come soon; not before the first one, while weights are
   * loaded.
   */
  wake(): void {
    if (this.#get(shared.calls) === 0 || this.#get(shared.sleepers) === 0) return;
    Atomics.notify(this.#heap.words, (this.#sync + shared.calls) / 4);
  }

  /** Ends the threads. */
  close(): void {
    this.#set(shared.calls, -1);
    Atomics.notify(this.#heap.words, (this.#sync + shared.calls) / 4);
    for (const thread of this.#threads) thread.stop();
  }

  /** After a trap on this thread: what it had taken counts as done, and the rest is run. */
  #settle(): void {
    const isShared = this.#heap.words[this.current / 4 + record.shared] !== 0;
    if (!isShared) return;
    const taken = this.#get(shared.shares + shared.taken);
    Atomics.add(this.#heap.words, (this.#sync + shared.done) / 4, taken);
    try {
      this.#finish(this.#sync);
    } catch {
      // Every group may trap.
      this.#settle();
    }
    this.#set(shared.failure, 0);
  }

  #get(place: number): number {
    return Atomics.load(this.#heap.words, (this.#sync + place) / 4);
  }

  #set(place: number, value: number): void {
    Atomics.store(this.#heap.words, (this.#sync + place) / 4, value);
  }
}

/** Whether this thread may sleep: the main thread of a page may not. */
const mayWait: boolean = typeof document === "undefined";

function functionOf(exports: WebAssembly.Exports, name: string): Export {
  const found: unknown = exports[name];
  invariant(isFunction(found), `the module that runs kernels has no ${name}`);
  return found;
}

function isFunction(found: unknown): found is Export {
  return typeof found === "function";
}

function threadError(cause: unknown): BraidError {
  return new BraidError("cpu/threads", `a worker thread failed: ${reasonOf(cause)}`, {
    hint: "use `--threads 1`",
    cause,
  });
}
