/** A phase from its graph: what it reads, leaves and needs follows from the nodes. */

import type { Graph } from "../graph/graph.ts";
import type { Phase, PhaseKind } from "./phase.ts";

const prefix = "state ";

/** The name of the output of a graph that becomes the state `name` of its phase. */
export function stateOutput(name: string): string {
  return `${prefix}${name}`;
}

/** Whether an output is a state of its phase. */
export function isStateOutput(output: string): boolean {
  return output.startsWith(prefix);
}

/** The phase of a graph whose outputs are the model's and, under `stateOutput`, the states'. */
export function phaseOf(name: string, kind: PhaseKind, doc: string, graph: Graph): Phase {
  const { generation: _, ...rest } = graph;
  const read = graph.nodes.flatMap(({ op }) => (op.kind === "state" ? [op.name] : []));
  const used = new Set(graph.nodes.flatMap(({ op }) => (op.kind === "input" ? [op.name] : [])));
  const weights = new Set(graph.nodes.flatMap(({ op }) => (op.kind === "weight" ? [op.name] : [])));
  const inputs = graph.inputs.filter((input) => used.has(input.name));
  return {
    name,
    kind,
    doc,
    graph: {
      ...rest,
      inputs,
      weights: new Map([...graph.weights].filter(([weight]) => weights.has(weight))),
      outputs: graph.outputs.filter((output) => !isStateOutput(output.name)),
    },
    writes: graph.outputs.flatMap(({ name: output, value }) =>
      isStateOutput(output) ? [{ state: output.slice(prefix.length), value }] : [],
    ),
    inputs: inputs.map((input) => input.name),
    reads: [...new Set(read)],
  };
}
