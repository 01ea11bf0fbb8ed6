/**
 * A second thread for `braid build`: while the main one makes the GPU's plan, prints WGSL and emits
 * the model, it makes the CPU's plan and kernels and prints CUDA.
 */

import { Worker } from "node:worker_threads";
import type { Plan } from "../../runtime/contract.ts";
import type { CheckedModel } from "../compile.ts";
import type { Graph } from "../graph/graph.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Phases } from "../phase/phase.ts";
import type { PreparedPhase } from "../plan/prepare.ts";

/** What the thread is given: plain data. */
export interface BuildTask {
  readonly graph: Graph;
  readonly phases: Phases;
  readonly prepared: readonly PreparedPhase[];
  /** Whether the CPU's target is wanted. */
  readonly cpu: boolean;
}

/** The CPU's plan and kernels. */
export interface CpuTarget {
  readonly plan: Plan;
  readonly wasm: Uint8Array;
}

/** What the thread says. */
export type Answer =
  | { readonly kind: "cpu"; readonly target: CpuTarget }
  | { readonly kind: "cuda"; readonly texts: readonly string[] };

/** The thread at work. */
export interface BuildThread {
  /** Gives the kernels to print as CUDA, once; the texts come in their order. */
  printCuda(kernels: readonly Kernel[]): Promise<readonly string[]>;
  readonly cpu: Promise<CpuTarget | undefined>;
}

/** Starts the thread. What it throws, its promises reject with. */
export function startBuildThread(
  model: CheckedModel,
  prepared: readonly PreparedPhase[],
  cpu: boolean,
): BuildThread {
  const workerData: BuildTask = { graph: model.graph, phases: model.phases, prepared, cpu };
  const worker = new Worker(new URL("./build-worker.js", import.meta.url), { workerData });
  const texts = new Promise<readonly string[]>((resolve, reject) => {
    worker.on("message", (answer: Answer) => answer.kind === "cuda" && resolve(answer.texts));
    worker.once("error", reject);
  });
  const target = new Promise<CpuTarget>((resolve, reject) => {
    worker.on("message", (answer: Answer) => answer.kind === "cpu" && resolve(answer.target));
    worker.once("error", reject);
  });
  return {
    printCuda: (kernels) => {
      worker.postMessage(kernels);
      return texts;
    },
    cpu: cpu ? target : Promise.resolve(undefined),
  };
}
