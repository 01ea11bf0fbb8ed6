/**
 * A second thread for `braid build`: the main one checks the spec and makes WGSL and WebAssembly;
 * it prints CUDA and some of the WGSL, and emits the model.
 */

import { Worker } from "node:worker_threads";
import type { Kernel } from "../kernel/kernel.ts";
import type { Plans } from "../plan/emit/emit.ts";

/** Texts with the names of their files. */
export type NamedTexts = readonly (readonly [string, string])[];

/** What the thread may be given: plain data. */
export type BuildTask =
  | {
      readonly kind: "kernels";
      readonly cuda: readonly Kernel[];
      readonly wgsl: readonly Kernel[];
    }
  | { readonly kind: "model"; readonly plans: Plans };

/** What it makes of a task: the text of each kernel; `model.ts` and the like by file name. */
export type BuildAnswer =
  | {
      readonly kind: "kernels";
      readonly cuda: readonly string[];
      readonly wgsl: NamedTexts;
    }
  | { readonly kind: "model"; readonly files: ReadonlyMap<string, string> };

/** The thread. Its promises reject with what it throws. */
export interface BuildThread {
  /** The texts of kernels in their order: CUDA, and the files of WGSL. */
  print(kernels: {
    readonly cuda: readonly Kernel[];
    readonly wgsl: readonly Kernel[];
  }): Promise<{ readonly cuda: readonly string[]; readonly wgsl: NamedTexts }>;
  emitModel(plans: Plans): Promise<ReadonlyMap<string, string>>;
  /** Ends it. */
  stop(): void;
}

/** Starts the thread, which loads its modules at once. */
export function startBuildThread(): BuildThread {
  const worker = new Worker(new URL("./build-worker.js", import.meta.url));
  const answerTo = (task: BuildTask): Promise<BuildAnswer> =>
    new Promise((resolve, reject) => {
      const take = (answer: BuildAnswer): void => {
        if (answer.kind !== task.kind) return;
        worker.off("message", take);
        resolve(answer);
      };
      worker.on("message", take);
      worker.once("error", reject);
      worker.postMessage(task);
    });
  return {
    print: async (kernels) => {
      const answer = await answerTo({ kind: "kernels", ...kernels });
      return answer.kind === "kernels" ? answer : { cuda: [], wgsl: [] };
    },
    emitModel: async (plans) => {
      const answer = await answerTo({ kind: "model", plans });
      return answer.kind === "model" ? answer.files : new Map();
    },
    stop: () => void worker.terminate(),
  };
}
