/**
 * How threads share the groups of one kernel: the thread that calls publishes the call and a number of
 * tickets, and every thread that has time takes tickets until none is left. A ticket is a run of
 * groups. Whatever thread computes a group, it computes the same, so the bits do not depend on the
 * number of threads.
 *
 * Each thread has a share of the tickets, the same groups in every call, and helps with others' when
 * its own are gone. So the weights that it reads stay in its core's cache from token to token.
 *
 * The call is read after a ticket was won: until that ticket is done nothing else can be published.
 * So a thread that slept through any number of calls does no harm, and nobody waits for a thread that
 * has no ticket.
 *
 * These functions run in workers from their text (`toString`): they refer to nothing but their
 * arguments and what every JavaScript has.
 */

/** A kernel as `contract.ts` describes it: `(firstGroup, endGroup, pointer…, scalar…)`. */
export type KernelFunction = (...args: readonly number[]) => unknown;

/** Where things lie in the shared words. */
export interface Places {
  /** The calls published so far; -1 once the pool is closed. */
  readonly calls: number;
  /** Tickets not yet taken of the first thread's share; each share's number has a line of its own. */
  readonly remaining: number;
  /** Words of a line. */
  readonly line: number;
  /** Threads, the calling one included. */
  readonly threads: number;
  readonly tickets: number;
  /** Tickets done. */
  readonly done: number;
  /** Threads that sleep until `calls` changes. */
  readonly sleepers: number;
  readonly kernel: number;
  readonly groups: number;
  readonly argumentCount: number;
  readonly arguments: number;
  /** The length of the message of a kernel that trapped, 0 if none did; its letters follow. */
  readonly failure: number;
}

/** A cache line is sixteen words; what different threads write has lines of its own. */
export const places: Places = {
  calls: 0,
  done: 16,
  sleepers: 32,
  tickets: 48,
  kernel: 49,
  groups: 50,
  argumentCount: 51,
  threads: 52,
  arguments: 53,
  failure: 512,
  remaining: 1024,
  line: 16,
};

/** Words that so many threads share. */
export function sharedWords(threads: number): number {
  return places.remaining + threads * places.line;
}

/** The longest list of arguments in the shared words. */
export const mostArguments: number = places.failure - places.arguments;

/** Takes tickets, of the share `own` first, until none is left. */
export function takeTickets(
  words: Int32Array,
  kernels: readonly KernelFunction[],
  at: Places,
  own: number,
): void {
  const threads = words[at.threads] ?? 1;
  for (let tried = 0; tried < threads; ) {
    const share = (own + tried) % threads;
    const place = at.remaining + share * at.line;
    const remaining = Atomics.load(words, place);
    if (remaining <= 0) {
      tried++;
      continue;
    }
    const won = Atomics.compareExchange(words, place, remaining, remaining - 1);
    if (won !== remaining) continue;
    const tickets = words[at.tickets] ?? 1;
    const groups = words[at.groups] ?? 0;
    const ticket = Math.floor((share * tickets) / threads) + remaining;
    // In numbers that have no overflow: groups are fewer than 2³¹, tickets few.
    const first = Math.floor(((ticket - 1) * groups) / tickets);
    const end = Math.floor((ticket * groups) / tickets);
    const count = words[at.argumentCount] ?? 0;
    const args = words.subarray(at.arguments, at.arguments + count);
    try {
      kernels[words[at.kernel] ?? 0]?.(first, end, ...args);
    } catch (error) {
      const text = String(error).slice(0, at.remaining - at.failure - 1);
      for (let i = 0; i < text.length; i++) words[at.failure + 1 + i] = text.charCodeAt(i);
      Atomics.store(words, at.failure, text.length);
    }
    if (Atomics.add(words, at.done, 1) + 1 === tickets) Atomics.notify(words, at.done);
  }
}

/** What a worker is given. */
export interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The address of the scratch memory of this thread. */
  readonly scratch: number;
  /** The kernels in the order of their numbers. */
  readonly names: readonly string[];
  readonly words: Int32Array;
  readonly at: Places;
  /** The number of this thread; the calling one is 0. */
  readonly own: number;
  /** How often to look for work before sleeping. */
  readonly spins: number;
}

/** Serves calls until the pool is closed. */
export function serve(
  { module, memory, scratch, names, words, at, own, spins }: WorkerStart,
  take: typeof takeTickets,
): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, scratch } });
  const isKernel = (found: unknown): found is KernelFunction => typeof found === "function";
  const kernels = names.map((name) => exports[name]).filter(isKernel);
  for (let seen = 0; ; ) {
    let calls = Atomics.load(words, at.calls);
    for (let spin = 0; calls === seen && spin < spins; spin++) {
      calls = Atomics.load(words, at.calls);
    }
    if (calls < 0) return;
    if (calls !== seen) {
      seen = calls;
      take(words, kernels, at, own);
      continue;
    }
    Atomics.add(words, at.sleepers, 1);
    Atomics.wait(words, at.calls, seen);
    Atomics.sub(words, at.sleepers, 1);
  }
}
