/**
 * The thread of `build-thread.ts`. It begins before there is anything to do, since what prints
 * TypeScript takes a while to load.
 */

import { parentPort } from "node:worker_threads";
import { emitModel } from "../plan/emit/emit.ts";
import type { BuildAnswer, BuildTask } from "./build-thread.ts";
import { type NamedTexts, type PrintedKernels, printNext } from "./print-texts.ts";
import { expectShortRun } from "./short-run.ts";

// Here and not in the first thread, which has loaded all by now: this one would load without bytecode.
expectShortRun();

parentPort?.on("message", (task: BuildTask) => {
  if (task.kind === "kernels") print(task.printed, []);
  else answer({ kind: "model", files: emitModel(task.plans) });
});

/** Prints one kernel after another; a message in between is answered first. */
function print(printed: PrintedKernels, found: NamedTexts[]): void {
  const texts = printNext(printed);
  if (texts === undefined) {
    answer({ kind: "kernels", texts: found.flat() });
    return;
  }
  found.push(texts);
  setImmediate(() => print(printed, found));
}

function answer(made: BuildAnswer): void {
  parentPort?.postMessage(made);
}
