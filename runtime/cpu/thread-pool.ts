/**
 * Threads that run the groups of a kernel together with the calling one (`tickets.ts` says how).
 *
 * Between calls a worker looks for work for half a millisecond and then sleeps; the calling thread
 * never waits for one that sleeps. So a barrier costs well under a microsecond while work comes one
 * piece after another, token after token, and an idle pool takes no processor.
 */

import { BraidError } from "../errors.ts";
import { startThread, type Thread } from "./threads.ts";
import {
  type KernelFunction,
  mostArguments,
  places,
  sharedWords,
  takeTickets,
  type WorkerStart,
} from "./tickets.ts";

/** What the pool's threads run. */
export interface PoolStart extends Pick<WorkerStart, "module" | "memory" | "names"> {
  /** The kernels as the calling thread has them, in the order of `names`. */
  readonly kernels: readonly KernelFunction[];
  /** The address of the scratch memory of each worker: one worker for each. */
  readonly scratch: readonly number[];
}

/** Looks for work before sleeping: about half a millisecond, longer than from token to token. */
const spins = 50_000;
/** Looks at whether all is done before sleeping: about 20 µs. */
const looks = 2_000;
/** Calls are counted up to here, and from 1 again. */
const mostCalls = 2 ** 30;
/** Tickets for each thread: enough to even out groups that take unequal times. */
const ticketsPerThread = 8;
/** Where taking one costs nothing beside its work, so that the last one is short. */
const ticketsOfLong = 32;
/** How long to sleep before looking again, where a notification could have been missed. */
const waitMilliseconds = 10;

/** Workers beside the calling thread. */
export class ThreadPool {
  readonly #words: Int32Array;
  readonly #kernels: readonly KernelFunction[];
  readonly #threads: readonly Thread[];
  #calls: number = 0;
  #failure: unknown;
  #failed: boolean = false;

  constructor({ module, memory, names, kernels, scratch }: PoolStart) {
    this.#kernels = kernels;
    const threads = scratch.length + 1;
    const words = new Int32Array(new SharedArrayBuffer(sharedWords(threads) * 4));
    words[places.threads] = threads;
    this.#words = words;
    const failed = (error: unknown): void => {
      this.#failure = error;
      this.#failed = true;
    };
    this.#threads = scratch.map((address, index) =>
      startThread(
        { module, memory, names, scratch: address, words, at: places, own: index + 1, spins },
        failed,
      ),
    );
  }

  /** Threads, the calling one included. */
  get size(): number {
    return this.#threads.length + 1;
  }

  /** Whether a kernel with so many arguments can be shared. */
  takes(argumentCount: number): boolean {
    return argumentCount <= mostArguments;
  }

  /**
   * Runs all groups of the kernel, in more tickets where that `isLong`; throws what one of the
   * threads threw.
   */
  run(kernel: number, groups: number, args: readonly number[], isLong: boolean): void {
    if (this.#failed) throw threadError(this.#failure);
    const words = this.#words;
    const tickets = Math.min(groups, this.size * (isLong ? ticketsOfLong : ticketsPerThread));
    words[places.kernel] = kernel;
    words[places.groups] = groups;
    words[places.tickets] = tickets;
    words[places.argumentCount] = args.length;
    for (let i = 0; i < args.length; i++) words[places.arguments + i] = args[i] ?? 0;
    words[places.failure] = 0;
    Atomics.store(words, places.done, 0);
    for (let share = 0, from = 0; share < this.size; share++) {
      const to = Math.floor(((share + 1) * tickets) / this.size);
      Atomics.store(words, places.remaining + share * places.line, to - from);
      from = to;
    }
    this.#calls = (this.#calls % mostCalls) + 1;
    Atomics.store(words, places.calls, this.#calls);
    if (Atomics.load(words, places.sleepers) > 0) Atomics.notify(words, places.calls);
    takeTickets(words, this.#kernels, places, 0);
    this.#wait(tickets);
    const length = Atomics.load(words, places.failure);
    if (length === 0) return;
    const start = places.failure + 1;
    throw new Error(String.fromCharCode(...words.subarray(start, start + length)));
  }

  /** Ends the threads. */
  close(): void {
    Atomics.store(this.#words, places.calls, -1);
    Atomics.notify(this.#words, places.calls);
    for (const thread of this.#threads) thread.stop();
  }

  #wait(tickets: number): void {
    const words = this.#words;
    let looked = 0;
    for (;;) {
      const done = Atomics.load(words, places.done);
      if (done === tickets) return;
      looked++;
      if (looked > looks && mayWait) Atomics.wait(words, places.done, done, waitMilliseconds);
    }
  }
}

/** Whether this thread may sleep: the main thread of a page may not. */
const mayWait: boolean = typeof document === "undefined";

function threadError(cause: unknown): BraidError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BraidError("cpu/threads", `a worker thread failed: ${message}`, {
    hint: "use `--threads 1`",
    cause,
  });
}
