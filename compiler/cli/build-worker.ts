/**
 * The thread of `build-thread.ts`. It begins before there is anything to do, since what prints
 * TypeScript takes a while to load.
 */

import { parentPort, workerData } from "node:worker_threads";
import { emitModel } from "../plan/emit/emit.ts";
import type { BuildAnswer, BuildTask } from "./build-thread.ts";
import { type NamedTexts, TextQueue } from "./print-texts.ts";
import { expectShortRun } from "./short-run.ts";

// Here and not in the first thread, which has loaded all by now: this one would load without bytecode.
expectShortRun();

const queue = new TextQueue(workerData);
const texts: NamedTexts[] = [];
let printing = false;
let complete = false;

parentPort?.on("message", (task: BuildTask) => {
  switch (task.kind) {
    case "kernel":
      queue.add(task.kernel);
      break;
    case "texts":
      complete = true;
      break;
    case "model":
      answer({ kind: "model", files: emitModel(task.plans) });
      return;
  }
  if (!printing) print();
});

/** Prints one kernel after another; a message in between is answered first. */
function print(): void {
  const next = queue.printNext();
  printing = next !== undefined;
  if (next === undefined) {
    if (complete) answer({ kind: "texts", texts: texts.flat() });
    return;
  }
  texts.push(next);
  setImmediate(print);
}

function answer(made: BuildAnswer): void {
  parentPort?.postMessage(made);
}
