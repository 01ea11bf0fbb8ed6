/**
 * A second thread for `braid build`: the main one checks the spec and makes WebAssembly, this one emits
 * the model, and both print texts for GPUs (`print-texts.ts`), this one from the first that is lowered.
 */

import { Worker } from "node:worker_threads";
import type { Kernel } from "../kernel/kernel.ts";
import type { Plans } from "../plan/emit/emit.ts";
import type { NamedTexts, Taken } from "./print-texts.ts";

/** What the thread may be given: plain data. */
export type BuildTask =
  | { readonly kind: "kernel"; readonly kernel: Kernel }
  | { readonly kind: "texts" }
  | { readonly kind: "model"; readonly plans: Plans };

/** What it makes of a task: the texts that it took; `model.ts` and the like by file name. */
export type BuildAnswer =
  | { readonly kind: "texts"; readonly texts: NamedTexts }
  | { readonly kind: "model"; readonly files: ReadonlyMap<string, string> };

/** The thread. Its promises reject with what it throws. */
export interface BuildThread {
  /** One more kernel whose texts it may take. */
  add(kernel: Kernel): void;
  /** After the last kernel: the texts that it took, when all are taken. */
  texts(): Promise<NamedTexts>;
  emitModel(plans: Plans): Promise<ReadonlyMap<string, string>>;
  /** Ends it. */
  stop(): void;
}

/** Starts the thread, which loads its modules at once; it shares what is `taken`. */
export function startBuildThread(taken: Taken): BuildThread {
  const worker = new Worker(new URL("./build-worker.js", import.meta.url), { workerData: taken });
  const give = (task: BuildTask): void => worker.postMessage(task);
  const answerTo = (task: BuildTask): Promise<BuildAnswer> =>
    new Promise((resolve, reject) => {
      const take = (answer: BuildAnswer): void => {
        if (answer.kind !== task.kind) return;
        worker.off("message", take);
        resolve(answer);
      };
      worker.on("message", take);
      worker.once("error", reject);
      give(task);
    });
  return {
    add: (kernel) => give({ kind: "kernel", kernel }),
    texts: async () => {
      const answer = await answerTo({ kind: "texts" });
      return answer.kind === "texts" ? answer.texts : [];
    },
    emitModel: async (plans) => {
      const answer = await answerTo({ kind: "model", plans });
      return answer.kind === "model" ? answer.files : new Map();
    },
    stop: () => void worker.terminate(),
  };
}
