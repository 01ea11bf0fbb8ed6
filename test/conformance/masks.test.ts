/**
 * Masks on every backend that ask more of loops over keys than a bound: such as repeat, with gaps
 * that hold whole tiles.
 */

import { test } from "vitest";
import type { Environment, Tensor } from "../../compiler/graph/evaluate.ts";
import { type Graph, sizeOf } from "../../compiler/graph/graph.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { graphOf } from "../compiler/check/support.ts";
import { testedBackends } from "../support/backends.ts";
import { comparePlan, noWeight } from "../support/compare-plans.ts";
import { randomTensor, seeded } from "../support/random.ts";

const periodic = graphOf(`
mask far(q, k) = k <= q and (q - k < 8 or (q - k) % 72 == 5)
mask squares(q, k) = (q / 48 + k / 48) % 2 == 0
model Periodic[H = 2, E = 16] {
  input x: [T, H, E]
  output far = attend(x, x[T as K], x[T as K] over K; mask = far)
  output squares = attend(x, x[T as K], x[T as K] over K; mask = squares)
}`);

function environmentOf(graph: Graph, sizes: Readonly<Record<string, number>>): Environment {
  const values = new Map(Object.entries(sizes));
  const random = seeded([...values.values()].reduce((sum, each) => 31 * sum + each, 7));
  const inputs = graph.inputs.map(({ name, type, role }): [string, Tensor] => {
    const shape = type.axes.map((axis) => evaluateDimension(sizeOf(graph, axis), values));
    if (role === "tensor") return [name, randomTensor(random, shape, 1)];
    const rows = Array.from({ length: shape[0] ?? 0 }, (_, row) => row);
    return [name, { element: "int", shape, data: rows }];
  });
  return { sizes: values, inputs: new Map(inputs), weights: noWeight };
}

for (const tested of await testedBackends()) {
  const run = test.skipIf(tested.missing !== undefined);
  run(`${tested.name}: keys of a mask that repeats`, async () => {
    const sizes = [{ T: 230 }, { T: 97 }, { T: 1 }, { T: 0 }];
    const few = tested.name === "evaluate" ? sizes.slice(1) : sizes;
    await comparePlan(
      tested,
      periodic,
      few.map((each) => environmentOf(periodic, each)),
    );
  });
}
