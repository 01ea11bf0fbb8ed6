/** Models of the oracles on a backend. */

import type { Environment } from "../../compiler/graph/evaluate.ts";
import { type Graph, nodeAt } from "../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import type { Planned } from "../../compiler/plan/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { HostTensor } from "../../runtime/tensor.ts";
import { memoryWeights } from "../../runtime/weight-source.ts";
import type { TestedBackend } from "../support/backends.ts";
import { hostTensor } from "../support/run-graph.ts";
import { type Lookup, weightsOf } from "./checkpoint.ts";

/** A session of `planned`, which was made of `graph`. */
export async function openPlanned(
  tested: TestedBackend,
  graph: Graph,
  { plan, kernels }: Planned,
  checkpoint: Lookup,
): Promise<Session> {
  const weights = weightsOf(graph, checkpoint);
  const values = plan.weights.map(
    ({ name }) => [name, Float32Array.from(weights(name).data)] as const,
  );
  return Session.open({
    model: { plan, ...tested.code(kernels) },
    backend: await tested.open(kernels),
    weights: memoryWeights(new Map(values)),
  });
}

/** The inputs of `environment` that the session's model has. */
export function inputsOf(
  session: Session,
  environment: Environment,
): Readonly<Record<string, HostTensor>> {
  const names = new Set(session.plan.inputs.map((input) => input.name));
  return Object.fromEntries(
    [...environment.inputs].flatMap(([name, tensor]) =>
      names.has(name) ? [[name, hostTensor(tensor)]] : [],
    ),
  );
}

/** Everything that the model gives for `environment`, with the axes of `graph`. */
export async function forward(
  session: Session,
  graph: Graph,
  environment: Environment,
): Promise<ReadonlyMap<string, NamedTensor>> {
  const found = await session.forward(inputsOf(session, environment));
  const outputs = new Map<string, NamedTensor>();
  for (const { name, value } of graph.outputs) {
    const tensor = await found.get(name)?.read();
    if (tensor === undefined) continue;
    const { element, axes } = nodeAt(graph, value).type;
    const data = Float64Array.from(tensor.data);
    outputs.set(name, { element, axes, shape: tensor.shape, data });
  }
  return outputs;
}
