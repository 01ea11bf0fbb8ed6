/** Compiles a graph as one phase and runs it on a backend. */

import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { type Graph, nodeAt } from "../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import type { Target } from "../../compiler/kernel/target.ts";
import { optimize } from "../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../compiler/optimize/split-phases.ts";
import type { Phases } from "../../compiler/phase/phase.ts";
import { makePlan, type Planned } from "../../compiler/plan/plan.ts";
import { preparePhase } from "../../compiler/plan/prepare.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { CompiledModel } from "../../runtime/contract.ts";
import { Session } from "../../runtime/session.ts";
import { floats, type HostTensor, integers } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";

/** The graph as one phase that computes all its outputs. */
export function onePhase(graph: Graph): Phases {
  const inputs = graph.nodes.flatMap(({ op }) => (op.kind === "input" ? [op.name] : []));
  const phase = {
    name: "forward",
    kind: "forward",
    doc: "all outputs",
    graph,
    writes: [],
    inputs: [...new Set(inputs)],
    reads: [],
  } as const;
  return { phases: [phase], states: [], diagnostics: [] };
}

/** Plans `graph` as one phase for `target`. */
export function planGraph(graph: Graph, target: Target): Planned {
  const split = onePhase(graph);
  return makePlan(graph, split, split.phases.map(preparePhase), target);
}

/** Plans `graph` as the compiler does: optimised, and cut into phases. */
export function planModel(graph: Graph, target: Target): Planned {
  const split = splitPhases(optimize(graph));
  return makePlan(graph, split, split.phases.map(preparePhase), target);
}

/** A tensor of the evaluator as one of the runtime. */
export function hostTensor(tensor: Tensor): HostTensor {
  const data = Array.from(tensor.data);
  return tensor.element === "float" ? floats(data, tensor.shape) : integers(data, tensor.shape);
}

/** Runs a planned graph and gives its outputs with their axes. */
export async function runPlanned(
  graph: Graph,
  planned: Planned,
  backend: Backend,
  code: Omit<CompiledModel, "plan">,
  environment: Environment,
): Promise<ReadonlyMap<string, NamedTensor>> {
  const weights = new Map(
    planned.plan.weights.map(({ name }) => [
      name,
      Float32Array.from(environment.weights(name).data),
    ]),
  );
  const session = await Session.open({
    model: { plan: planned.plan, ...code },
    backend,
    weights: memoryWeights(weights),
  });
  try {
    const names = new Set(planned.plan.inputs.map((input) => input.name));
    const inputs = [...environment.inputs].filter(([name]) => names.has(name));
    const found = await session.forward(
      Object.fromEntries(inputs.map(([name, tensor]) => [name, hostTensor(tensor)])),
    );
    const outputs = new Map<string, NamedTensor>();
    for (const { name, value } of graph.outputs) {
      const tensor = await found.get(name)?.read();
      if (tensor === undefined) continue;
      const { element, axes } = nodeAt(graph, value).type;
      outputs.set(name, {
        element,
        axes,
        shape: tensor.shape,
        data: Float64Array.from(tensor.data),
      });
    }
    return outputs;
  } finally {
    backend.close();
  }
}
