/** Plans to emit, and the evaluation of what was emitted. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { compileFor } from "../../../compiler/compile.ts";
import { cudaTarget } from "../../../compiler/kernel/architectures.ts";
import { type Target, targets } from "../../../compiler/kernel/target.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { emitModel, type Plans } from "../../../compiler/plan/emit/emit.ts";
import { droppingGraph } from "../../support/dropping.ts";
import { planGraph, planModel } from "../../support/run-graph.ts";
import { composite, masks, prefix, type ToyLayer, toyMllm } from "../../support/toy-mllm.ts";
import { toyTransformer } from "../../support/toy-transformer.ts";
import { toyPlan } from "../../runtime/support/toy-plan.ts";

const sizes = { layers: 5, hidden: 8, heads: 4, groups: 2, head: 4, feed: 16, vocabulary: 11 };

/** A toy model of equal layers, compiled for both families. */
export function phased(mask: ToyLayer["mask"], layers: number): Plans {
  const graph = toyMllm({ layers: Array.from({ length: layers }, () => ({ mask })) });
  const optimized = optimize(graph);
  const model = { graph, optimized, phases: splitPhases(optimized) };
  return { gpu: compileFor(model, targets.gpu).plan, cpu: compileFor(model, targets.cpu).plan };
}

function half(family: "gpu" | "cpu"): Target {
  return { ...targets[family], storage: "f16" };
}

/** Models with one phase and several, with and without loops, and one that is written by hand. */
export const samples: readonly (readonly [string, () => Plans])[] = [
  [
    "a decoder in one phase",
    () => ({
      gpu: planGraph(toyTransformer(sizes), targets.gpu).plan,
      cpu: planGraph(toyTransformer(sizes), targets.cpu).plan,
    }),
  ],
  ["composite attention in four phases", () => phased(composite, 8)],
  ["causal attention in phases", () => phased(masks.causal, 4)],
  ["a prefix that sees itself", () => phased(prefix, 3)],
  ["one layer", () => phased(composite, 1)],
  [
    "sizes that are measured",
    () => {
      const graph = droppingGraph();
      return { gpu: planModel(graph, targets.gpu).plan, cpu: planModel(graph, targets.cpu).plan };
    },
  ],
  [
    "a decoder with weights of four bits",
    () => {
      const graph = toyTransformer(sizes);
      const weights = { bits: 4, group: 16, symmetric: false } as const;
      const cpu = planGraph(graph, { ...targets.cpu, weights });
      return { gpu: planGraph(graph, targets.gpu).plan, cpu: cpu.plan };
    },
  ],
  [
    "phases that store 16 bits",
    () => {
      const graph = toyMllm({ layers: Array.from({ length: 3 }, () => ({ mask: composite })) });
      const [gpu, cpu] = [planModel(graph, half("gpu")), planModel(graph, half("cpu"))];
      return { gpu: gpu.plan, cpu: cpu.plan };
    },
  ],
  [
    "phases for tensor cores",
    () => {
      const graph = toyMllm({ layers: Array.from({ length: 3 }, () => ({ mask: composite })) });
      const { plan } = planModel(graph, cudaTarget("sm_90", "bf16"));
      return { gpu: plan, cubins: ["sm_80", "sm_90"] };
    },
  ],
  ["a plan by hand", () => ({ gpu: toyPlan("gpu"), cpu: toyPlan("cpu") })],
];

/** Calls `use` with a function that imports a module of the emitted JavaScript. */
export async function withModules<T>(
  plans: Plans,
  use: (load: (file: string) => Promise<Readonly<Record<string, unknown>>>) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "braid-emit-"));
  const runtime = new URL("../../../runtime/index.ts", import.meta.url).href;
  try {
    for (const [file, text] of emitModel(plans)) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      // The tests have no built package; its name stands for its source.
      writeFileSync(path, text.replaceAll('from "braid/runtime"', `from "${runtime}"`));
    }
    return await use((file) => import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The plans that the emitted JavaScript makes. */
export async function evaluate(plans: Plans): Promise<{
  readonly gpu: unknown;
  readonly cpu: unknown;
}> {
  return withModules(plans, async (load) => ({
    gpu: (await load("model.js"))["plan"],
    cpu: plans.cpu === undefined ? undefined : (await load("plan.cpu.js"))["plan"],
  }));
}
