/**
 * How threads share the groups of one kernel: the thread that calls publishes the call and a number of
 * tickets, and every thread that has time takes tickets until none is left. A ticket is a run of
 * groups. Whatever thread computes a group, it computes the same, so the bits do not depend on the
 * number of threads.
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
  /** Tickets not yet taken; -1 once the pool is closed. */
  readonly remaining: number;
  readonly tickets: number;
  /** Tickets done. */
  readonly done: number;
  /** Threads that sleep until `remaining` changes. */
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
  remaining: 0,
  done: 16,
  sleepers: 32,
  tickets: 48,
  kernel: 49,
  groups: 50,
  argumentCount: 51,
  arguments: 52,
  failure: 512,
};

/** Words that threads share, and the longest list of arguments and failure message in them. */
export const sharedWords = 1024;
export const mostArguments: number = places.failure - places.arguments;

/** Takes tickets until none is left. */
export function takeTickets(
  words: Int32Array,
  kernels: readonly KernelFunction[],
  at: Places,
): void {
  for (;;) {
    const remaining = Atomics.load(words, at.remaining);
    if (remaining <= 0) return;
    const won = Atomics.compareExchange(words, at.remaining, remaining, remaining - 1);
    if (won !== remaining) continue;
    const tickets = words[at.tickets] ?? 1;
    const groups = words[at.groups] ?? 0;
    // In numbers that have no overflow: groups are fewer than 2³¹, tickets few.
    const first = Math.floor(((remaining - 1) * groups) / tickets);
    const end = Math.floor((remaining * groups) / tickets);
    const count = words[at.argumentCount] ?? 0;
    const args = words.subarray(at.arguments, at.arguments + count);
    try {
      kernels[words[at.kernel] ?? 0]?.(first, end, ...args);
    } catch (error) {
      const text = String(error).slice(0, words.length - at.failure - 1);
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
  /** How often to look for work before sleeping. */
  readonly spins: number;
}

/** Serves calls until the pool is closed. */
export function serve(
  { module, memory, scratch, names, words, at, spins }: WorkerStart,
  take: typeof takeTickets,
): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, scratch } });
  const isKernel = (found: unknown): found is KernelFunction => typeof found === "function";
  const kernels = names.map((name) => exports[name]).filter(isKernel);
  for (;;) {
    let remaining = Atomics.load(words, at.remaining);
    for (let spin = 0; remaining === 0 && spin < spins; spin++) {
      remaining = Atomics.load(words, at.remaining);
    }
    if (remaining < 0) return;
    if (remaining > 0) {
      take(words, kernels, at);
      continue;
    }
    Atomics.add(words, at.sleepers, 1);
    Atomics.wait(words, at.remaining, 0);
    Atomics.sub(words, at.sleepers, 1);
  }
}
