/**
 * Worker threads on every platform that has them: Node and Deno through `node:worker_threads`, pages
 * through web workers, which may share memory only where the page is cross-origin isolated.
 */

import { builtinModules } from "./builtin-modules.ts";
import { serve, type WorkerStart } from "./serve.ts";

/** How many threads can share memory here, and what keeps it at one. */
export interface AvailableThreads {
  readonly count: number;
  readonly why?: string;
}

/** A thread that serves calls. */
export interface Thread {
  stop(): void;
}

/** The processors that the process may use, if threads can share memory. */
export function availableThreads(): AvailableThreads {
  const os = builtinModules()?.getBuiltinModule?.("node:os");
  if (os !== undefined) return { count: os.availableParallelism() };
  if (typeof Worker === "undefined") return { count: 1, why: "this platform has no workers" };
  if (globalThis.crossOriginIsolated !== true) {
    return { count: 1, why: "this page is not cross-origin isolated" };
  }
  return { count: Math.max(1, globalThis.navigator.hardwareConcurrency) };
}

/** Starts a thread; `failed` is told of what it throws outside kernels. */
export function startThread(start: WorkerStart, failed: (error: unknown) => void): Thread {
  const workers = builtinModules()?.getBuiltinModule?.("node:worker_threads");
  const work = `(${serve})(start)`;
  if (workers !== undefined) {
    const source = `require("node:worker_threads").parentPort.once("message", (start) => ${work});`;
    const worker = new workers.Worker(source, { eval: true });
    worker.on("error", failed);
    worker.postMessage(start);
    // A thread that waits for work does not keep the process alive.
    worker.unref();
    return { stop: () => void worker.terminate() };
  }
  const source = `addEventListener("message", ({ data: start }) => ${work}, { once: true });`;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address, { type: "module" });
  worker.addEventListener("error", (event) => failed(event.message));
  worker.postMessage(start);
  return {
    stop: () => {
      worker.terminate();
      URL.revokeObjectURL(address);
    },
  };
}
