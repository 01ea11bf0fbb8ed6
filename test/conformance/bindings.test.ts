/** What would bind more buffers than every WebGPU device has is joined, or computed in two kernels. */

import { expect, test } from "vitest";
import type { Tensor } from "../../compiler/graph/evaluate.ts";
import type { Graph, ValueId } from "../../compiler/graph/graph.ts";
import { sizeOf } from "../../compiler/graph/graph.ts";
import { targets } from "../../compiler/kernel/target.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { evaluateDimension } from "../../compiler/op/dimension.ts";
import { testedBackends } from "../support/backends.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

const many = [0, 1, 2, 3];

/** Queries over four segments, each with keys, values, positions and token data of its own. */
function wideAttention(): Graph {
  const draft = new Draft();
  draft.axis("T", "T");
  draft.axis("H", 2);
  draft.axis("E", 8);
  draft.axis("W", 12);
  const query = draft.input("q", ["T", "H", "E"]);
  const positions = draft.input("position.q", ["T"], "int");
  const own = draft.input("data.q", ["T"], "int");
  const parts = many.map((index) => {
    const axis = draft.axis(`K${index}`, `K${index}`);
    const args = [
      draft.input(`k${index}`, [axis, "H", "E"]),
      draft.input(`v${index}`, [axis, "H", "W"]),
      draft.input(`position.k${index}`, [axis], "int"),
      draft.input(`data.k${index}`, index === 0 ? ["H", axis] : [axis], "int"),
    ];
    return { axis, args };
  });
  const [q, k] = [0, 1].map((index) => ({
    ...{ kind: "data" as const, index, side: index === 0 ? ("q" as const) : ("k" as const) },
  }));
  if (q === undefined || k === undefined) throw new Error("two uses");
  const later = {
    ...{ kind: "compare" as const, comparison: "<=" as const },
    left: { kind: "position" as const, side: "k" as const },
    right: { kind: "position" as const, side: "q" as const },
  };
  const same = { kind: "compare" as const, comparison: "==" as const, left: q, right: k };
  const seen = draft.attend(
    {
      ...{ query: "T", contracted: "E", value: "W", scale: 0.5, data: ["q", "k"] },
      parts: parts.map(({ axis }) => ({
        axis,
        mask: { kind: "or" as const, operands: [later, same] },
      })),
    },
    query,
    positions,
    ...parts.flatMap(({ args }) => args),
    own,
  );
  const gates = many.map((index) => draft.input(`gate${index}`, ["T", "H", "W"]));
  const gated = gates.reduce((x: ValueId, gate) => draft.map("add", x, gate), seen);
  draft.output("seen", gated);
  return draft.finish();
}

/** A sum of products of ten tensors, by itself and after a matrix product. */
function wideMaps(): Graph {
  const draft = new Draft();
  draft.axis("T", "T");
  draft.axis("D", 8);
  draft.axis("N", 12);
  const inputs = Array.from({ length: 10 }, (_, index) => draft.input(`x${index}`, ["T", "N"]));
  const pairs = inputs.map((each, index) =>
    draft.map("multiply", each, inputs[(index + 3) % inputs.length] ?? each),
  );
  draft.output(
    "sum",
    pairs.reduce((sum, each) => draft.map("add", sum, each)),
  );
  const rows = draft.input("rows", ["T", "D"]);
  const product = draft.contract(rows, draft.weight("w", ["N", "D"]), "D");
  draft.output(
    "after",
    pairs.reduce((sum, each) => draft.map("add", sum, draft.map("abs", each)), product),
  );
  draft.output(
    "rows",
    draft.reduce(
      "sum",
      pairs.reduce((a, b) => draft.map("max", a, b)),
      "N",
    ),
  );
  return draft.finish();
}

const sizes = new Map([["T", 5], ...many.map((index) => [`K${index}`, 3 + 2 * index] as const)]);

function environmentOf(graph: Graph) {
  const random = seeded(11);
  const tensor = (axes: readonly string[], isInt: boolean): Tensor => {
    const shape = axes.map((axis) => evaluateDimension(sizeOf(graph, axis), sizes));
    const floats = randomTensor(random, shape, 1);
    if (!isInt) return floats;
    return {
      element: "int",
      shape,
      data: Float64Array.from(floats.data, (x) => Math.round(4 * x)),
    };
  };
  const weights = new Map(
    [...graph.weights].map(([name, { axes }]) => [name, tensor(axes, false)] as const),
  );
  return {
    sizes,
    inputs: new Map(
      graph.inputs.map(({ name, type }) => [name, tensor(type.axes, type.element === "int")]),
    ),
    weights: (name: string) => weights.get(name) ?? tensor([], false),
  };
}

for (const [what, graph] of [
  ["attention", wideAttention()],
  ["elementwise values, products and sums of rows", wideMaps()],
] as const) {
  test(`kernels of ${what} bind what every device has`, () => {
    for (const target of [targets.gpu, targets.software]) {
      const { kernels } = planGraph(graph, target);
      for (const kernel of kernels) {
        verifyKernel(kernel);
        expect(kernel.buffers.length, kernel.name).toBeLessThanOrEqual(target.bindings);
      }
    }
    expect(graph.inputs.length).toBeGreaterThan(targets.gpu.bindings);
  });

  for (const backend of await testedBackends()) {
    if (!backend.takes(0)) continue;
    test.skipIf(backend.missing !== undefined)(`${backend.name}: ${what}`, async () => {
      const environment = environmentOf(graph);
      const planned = planGraph(graph, backend.target);
      const device = await backend.open(planned.kernels);
      const code = backend.code(planned.kernels);
      const actual = await runPlanned(graph, planned, device, code, environment);
      for (const [name, wanted] of graphTolerance(graph, environment, backend.errors)) {
        const found = actual.get(name);
        expect(found, name).toBeDefined();
        if (found !== undefined) expectWithin(found, wanted, name);
      }
    });
  }
}
