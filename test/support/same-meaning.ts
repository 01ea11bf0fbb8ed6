/** Whether two graphs compute the same numbers, bit for bit. */

import { expect } from "vitest";
import { type Environment, evaluateGraph } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { printGraph } from "../../compiler/graph/print.ts";
import { verifyGraph } from "../../compiler/graph/verify.ts";

/** Applies `pass` and expects a well-formed graph that gives exactly the same outputs. */
export function expectSameMeaning(
  graph: Graph,
  environment: Environment,
  pass: (graph: Graph) => Graph,
): Graph {
  const after = pass(graph);
  verifyGraph(after, pass.name);
  const wanted = evaluateGraph(graph, environment).outputs;
  const actual = evaluateGraph(after, environment).outputs;
  const shown = `${printGraph(graph)}\nbecomes\n${printGraph(after)}`;
  expect([...actual.keys()], shown).toEqual([...wanted.keys()]);
  for (const [name, value] of wanted) {
    expect(actual.get(name)?.axes, shown).toEqual(value.axes);
    expect(differences(actual.get(name)?.data, value.data), `${name}\n${shown}`).toEqual([]);
  }
  return after;
}

/** Where two lists of numbers differ; a NaN equals a NaN, and 0 equals -0. */
function differences(actual: Float64Array | undefined, wanted: Float64Array): number[] {
  return [...wanted.keys()].filter((i) => {
    const [a, b] = [actual?.[i], wanted[i]];
    return !(a === b || (Number.isNaN(a) && Number.isNaN(b)));
  });
}
