/** Random inputs of a graph for given sizes. */

import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { type Graph, sizeOf } from "../../compiler/graph/graph.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { noWeight } from "./compare-plans.ts";
import { randomTensor, seeded } from "./random.ts";

/** Sizes by symbol. */
export type Sizes = Readonly<Record<string, number>>;

/**
 * Numbers for the inputs of `graph`: those of `integers`, positions that rise from 0 (from M where the
 * rows are the second of two segments), random floats.
 */
export function randomEnvironment(
  graph: Graph,
  sizes: Sizes,
  integers: Readonly<Record<string, number[]>> = {},
): Environment {
  const values = new Map(Object.entries(sizes));
  const random = seeded([...values.values()].reduce((sum, each) => 31 * sum + each, 7));
  const inputs = graph.inputs.flatMap(({ name, type, role }): [string, Tensor][] => {
    const shape = type.axes.map((axis) => evaluateDimension(sizeOf(graph, axis), values));
    const data = integers[name];
    if (data !== undefined) return [[name, { element: "int", shape, data }]];
    if (role === "tensor") return [[name, randomTensor(random, shape, 1)]];
    const from = name.endsWith("second") ? (sizes["M"] ?? 0) : 0;
    const rows = Array.from({ length: shape[0] ?? 0 }, (_, row) => from + row);
    return [[name, { element: "int", shape, data: rows }]];
  });
  return { sizes: values, inputs: new Map(inputs), weights: noWeight };
}
