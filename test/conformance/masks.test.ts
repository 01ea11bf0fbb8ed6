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

/** Tables of pairs, of tiles, and of tiles by head; outside of a table nothing is seen. */
const tables = graphOf(`
mask pairs(allowed: bool[Query, Key])(q, k) = allowed[q, k]
mask tiles(live: bool[Row, Col])(q, k) = live[q / 32, k / 32]
mask by_head(level: int[H, Row, Col])(q, k) = k <= q and level[H, q / 32, k / 32] > q % 2
model Tables[H = 4, G = 2, E = 16] {
  input x: [T, H, E]
  input y: [T, G, E]
  input allowed: bool[A, B]
  input live: bool[C, D]
  input level: int[H, C, D]
  output dense = attend(x, y[T as K], y[T as K] over K; mask = pairs(allowed))
  output sparse = attend(x, y[T as K], y[T as K] over K; mask = tiles(live))
  output heads = attend(x, y[T as K], y[T as K] over K; mask = by_head(level))
  asked = x
  _, shares = attend_with_weights(asked, x[T as K], x[T as K] over K; mask = tiles(live) or pairs(allowed))
  output shares
}`);

function environmentOf(graph: Graph, sizes: Readonly<Record<string, number>>): Environment {
  const values = new Map(Object.entries(sizes));
  const random = seeded([...values.values()].reduce((sum, each) => 31 * sum + each, 7));
  const inputs = graph.inputs.map(({ name, type, role }): [string, Tensor] => {
    const shape = type.axes.map((axis) => evaluateDimension(sizeOf(graph, axis), values));
    if (type.element === "float") return [name, randomTensor(random, shape, 1)];
    if (role === "tensor") {
      const data = shape.reduce((count, size) => count * size, 1);
      const most = type.element === "bool" ? 2 : 3;
      const values = Array.from({ length: data }, () => Math.floor(most * random()));
      return [name, { element: type.element, shape, data: values }];
    }
    const rows = Array.from({ length: shape[0] ?? 0 }, (_, row) => row);
    return [name, { element: "int", shape, data: rows }];
  });
  return { sizes: values, inputs: new Map(inputs), weights: noWeight };
}

const cases: readonly (readonly [string, Graph, readonly Readonly<Record<string, number>>[]])[] = [
  ["keys of a mask that repeats", periodic, [{ T: 230 }, { T: 97 }, { T: 1 }, { T: 0 }]],
  [
    "masks that are tables",
    tables,
    [
      { T: 90, A: 90, B: 90, C: 3, D: 3 },
      { T: 70, A: 60, B: 80, C: 2, D: 4 },
      { T: 1, A: 1, B: 1, C: 1, D: 1 },
      { T: 9, A: 0, B: 0, C: 0, D: 0 },
    ],
  ],
];

for (const tested of await testedBackends()) {
  for (const [index, [name, graph, sizes]] of cases.entries()) {
    if (!tested.takes(index)) continue;
    test.skipIf(tested.missing !== undefined)(`${tested.name}: ${name}`, async () => {
      const few = tested.name === "evaluate" ? sizes.slice(1) : sizes;
      await comparePlan(
        tested,
        graph,
        few.map((each) => environmentOf(graph, each)),
      );
    });
  }
}
