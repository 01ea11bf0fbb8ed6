/**
 * A second thread for `braid build`: while the main one checks the spec and prints WGSL, it loads
 * what emits TypeScript, emits the model, prints CUDA and encodes WebAssembly.
 */

import { Worker } from "node:worker_threads";
import type { Target } from "../compile.ts";

/** What the thread is given, once: plain data. */
export interface BuildTask {
  readonly gpu: Target;
  readonly cpu: Target | undefined;
}

/** What it makes. */
export interface BuildAnswer {
  /** `model.ts` and what belongs to it, by file name. */
  readonly model: ReadonlyMap<string, string>;
  /** CUDA text for each kernel of the GPU's target. */
  readonly cuda: readonly string[];
  readonly wasm: Uint8Array | undefined;
}

/** The thread. */
export interface BuildThread {
  /** Rejects with what the thread throws. */
  run(task: BuildTask): Promise<BuildAnswer>;
  /** Ends it where there is nothing to do after all. */
  stop(): void;
}

/** Starts the thread, which loads its modules at once. */
export function startBuildThread(): BuildThread {
  const worker = new Worker(new URL("./build-worker.js", import.meta.url));
  return {
    run: (task) =>
      new Promise((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
        worker.postMessage(task);
      }),
    stop: () => void worker.terminate(),
  };
}
