/**
 * What a worker thread does: its own instances of the kernels and of the module that runs them
 * (`runner-module.ts`), over the memory of all.
 *
 * `serve` runs in workers from its text (`toString`): it refers to nothing but its argument and what
 * every JavaScript has.
 */

import type { shared } from "./runner-module.ts";

/** What a worker is given. */
export interface WorkerStart {
  readonly kernels: WebAssembly.Module;
  readonly runner: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** The address of the scratch memory of this thread. */
  readonly scratch: number;
  /** The kernels in the order of their numbers. */
  readonly names: readonly string[];
  /** The address of what threads share, and where things lie there. */
  readonly sync: number;
  readonly at: typeof shared;
  /** The number of this thread; the calling one is 0. */
  readonly own: number;
}

/** Serves calls until the pool is closed. */
export function serve(start: WorkerStart): void {
  const { memory, names, scratch, sync, at, own } = start;
  const { exports: found } = new WebAssembly.Instance(start.kernels, { env: { memory, scratch } });
  const kernels = Object.fromEntries(names.map((name, index) => [index, found[name] ?? 0]));
  const { exports } = new WebAssembly.Instance(start.runner, { kernels, env: { memory } });
  const words = new Int32Array(memory.buffer, sync, (at.shares + (own + 1) * at.line) / 4);
  const run: unknown = exports["serve"];
  if (typeof run !== "function") return;
  for (;;) {
    try {
      run(sync, own);
      return;
    } catch (error) {
      // Others wait for the groups that the kernel was called with.
      const message = String(error).slice(0, (at.shares - at.failure) / 4 - 1);
      const start = at.failure / 4;
      for (let i = 0; i < message.length; i++) words[start + 1 + i] = message.charCodeAt(i);
      Atomics.store(words, start, message.length);
      const taken = words[(at.shares + own * at.line + at.taken) / 4] ?? 0;
      Atomics.add(words, at.done / 4, taken);
      Atomics.notify(words, at.done / 4);
    }
  }
}
