/**
 * A second thread for `braid build`: the main one checks the spec and makes WebAssembly, this one emits
 * the model, and both print texts for GPUs (`print-texts.ts`).
 */

import { Worker } from "node:worker_threads";
import type { Plans } from "../plan/emit/emit.ts";
import type { NamedTexts, PrintedKernels } from "./print-texts.ts";

/** What the thread may be given: plain data. */
export type BuildTask =
  | { readonly kind: "kernels"; readonly printed: PrintedKernels }
  | { readonly kind: "model"; readonly plans: Plans };

/** What it makes of a task: the texts that it took; `model.ts` and the like by file name. */
export type BuildAnswer =
  | { readonly kind: "kernels"; readonly texts: NamedTexts }
  | { readonly kind: "model"; readonly files: ReadonlyMap<string, string> };

/** The thread. Its promises reject with what it throws. */
export interface BuildThread {
  /** Takes texts and prints them, until all are taken. */
  print(printed: PrintedKernels): Promise<NamedTexts>;
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
    print: async (printed) => {
      const answer = await answerTo({ kind: "kernels", printed });
      return answer.kind === "kernels" ? answer.texts : [];
    },
    emitModel: async (plans) => {
      const answer = await answerTo({ kind: "model", plans });
      return answer.kind === "model" ? answer.files : new Map();
    },
    stop: () => void worker.terminate(),
  };
}
