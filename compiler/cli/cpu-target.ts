/** The CPU's plan and kernels, made on another thread: a build is twice as long as it need be else. */

import { Worker } from "node:worker_threads";
import type { Plan } from "../../runtime/contract.ts";
import type { CheckedModel } from "../compile.ts";
import type { Graph } from "../graph/graph.ts";
import type { Phases } from "../phase/phase.ts";
import type { PreparedPhase } from "../plan/prepare.ts";

/** What the thread is given: plain data. */
export interface CpuTask {
  readonly graph: Graph;
  readonly phases: Phases;
  readonly prepared: readonly PreparedPhase[];
}

/** What it makes. */
export interface CpuTarget {
  readonly plan: Plan;
  readonly wasm: Uint8Array<ArrayBuffer>;
}

/** Starts making the CPU's plan and kernels. Rejects with what the thread throws. */
export function cpuTarget(
  model: CheckedModel,
  prepared: readonly PreparedPhase[],
): Promise<CpuTarget> {
  const workerData: CpuTask = { graph: model.graph, phases: model.phases, prepared };
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./cpu-worker.js", import.meta.url), { workerData });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
