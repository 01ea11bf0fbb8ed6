/** The thread of `build-thread.ts`: makes the CPU's target, if one is wanted, and prints CUDA. */

import { parentPort, workerData } from "node:worker_threads";
import { encodeWasm, printCuda } from "../codegen/index.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { makePlan } from "../plan/plan.ts";
import type { Answer, BuildTask } from "./build-thread.ts";

const { graph, phases, prepared, cpu }: BuildTask = workerData;

parentPort?.once("message", (kernels: readonly Kernel[]) => {
  answer({ kind: "cuda", texts: kernels.map(printCuda) });
});

if (cpu) {
  const { plan, kernels } = makePlan(graph, phases, prepared, "cpu");
  const wasm = encodeWasm(kernels);
  answer({ kind: "cpu", target: { plan, wasm } });
}

function answer(message: Answer): void {
  parentPort?.postMessage(message);
}
