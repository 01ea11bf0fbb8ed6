/**
 * The thread of `build-thread.ts`. It begins before there is anything to do, since what prints
 * TypeScript takes a while to load.
 */

import { parentPort } from "node:worker_threads";
import { printCuda, wgslFiles } from "../codegen/index.ts";
import { emitModel } from "../plan/emit/emit.ts";
import type { BuildAnswer, BuildTask } from "./build-thread.ts";
import { expectShortRun } from "./short-run.ts";

// Here and not in the first thread, which has loaded all by now: this one would load without bytecode.
expectShortRun();

parentPort?.on("message", (task: BuildTask) => {
  const answer: BuildAnswer =
    task.kind === "kernels"
      ? { kind: "kernels", cuda: task.cuda.map(printCuda), wgsl: task.wgsl.flatMap(wgslFiles) }
      : { kind: "model", files: emitModel(task.plans) };
  parentPort?.postMessage(answer);
});
