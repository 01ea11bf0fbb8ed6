/** Runs of one plan against the definition of its graph, within tolerances that follow from it. */

import type { Environment } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { NamedTensor } from "../../compiler/graph/tensor.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { forward, openPlanned } from "../oracle/run.ts";
import type { TestedBackend } from "./backends.ts";
import { planGraph } from "./run-graph.ts";
import { expectWithin, graphTolerance } from "./tolerance.ts";

/** The weights of a graph that has none. */
export function noWeight(name: string): never {
  throw new RangeError(`there is no weight ${name}`);
}

/** Runs one plan of `graph` for each of `environments`, and checks what it gives. */
export async function comparePlan(
  tested: TestedBackend,
  graph: Graph,
  environments: readonly Environment[],
): Promise<readonly ReadonlyMap<string, NamedTensor>[]> {
  const planned = planGraph(graph, tested.target);
  for (const kernel of planned.kernels) verifyKernel(kernel);
  const session = await openPlanned(tested, graph, planned, noWeight);
  const results: ReadonlyMap<string, NamedTensor>[] = [];
  try {
    for (const environment of environments) {
      const actual = await forward(session, graph, environment);
      for (const [name, expected] of graphTolerance(graph, environment, tested.errors)) {
        const found = actual.get(name);
        if (found === undefined) throw new Error(`no ${name}`);
        expectWithin(found, expected, `${name} of ${[...environment.sizes]}`);
      }
      results.push(actual);
    }
  } finally {
    session.close();
  }
  return results;
}
