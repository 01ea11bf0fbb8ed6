/**
 * The thread of `build-thread.ts`. It begins before there is anything to do, since what prints
 * TypeScript takes a while to load.
 */

import { parentPort } from "node:worker_threads";
import { encodeWasm, printCuda } from "../codegen/index.ts";
import { emitModel } from "../plan/emit/emit.ts";
import type { BuildAnswer, BuildTask } from "./build-thread.ts";

parentPort?.on("message", ({ gpu, cpu }: BuildTask) => {
  const answer: BuildAnswer = {
    model: emitModel({ gpu: gpu.plan, ...(cpu === undefined ? {} : { cpu: cpu.plan }) }),
    cuda: gpu.kernels.map(printCuda),
    wasm: cpu === undefined ? undefined : encodeWasm(cpu.kernels),
  };
  parentPort?.postMessage(answer);
  parentPort?.close();
});
