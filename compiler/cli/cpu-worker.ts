/** The thread that makes the CPU's plan and kernels while the main one makes the GPU's. */

import { parentPort, workerData } from "node:worker_threads";
import { encodeWasm } from "../codegen/index.ts";
import { makePlan } from "../plan/plan.ts";
import type { CpuTask, CpuTarget } from "./cpu-target.ts";

const { graph, phases, prepared }: CpuTask = workerData;
const { plan, kernels } = makePlan(graph, phases, prepared, "cpu");
const made: CpuTarget = { plan, wasm: encodeWasm(kernels) };
parentPort?.postMessage(made, [made.wasm.buffer]);
