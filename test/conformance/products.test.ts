/**
 * Matrix products with weights on every backend, at sizes that fill no tile: what is padded, clamped
 * or left over must not show.
 */

import { expect, test } from "vitest";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { inTiles, testedBackends, type TestedBackend } from "../support/backends.ts";
import { evaluateBackend } from "../support/evaluate-backend.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

/** Rows (a run-time size), columns and inner elements of a product. */
type Sizes = readonly [rows: number, columns: number, inner: number];

const odd: readonly Sizes[] = [
  [1, 1, 1],
  [1, 8, 3],
  [1, 17, 65],
  [3, 65, 17],
  [17, 8, 1],
  [17, 3, 65],
  [65, 17, 3],
  [65, 65, 65],
  [66, 24, 8],
  [1, 44, 12],
  [5, 20, 7],
  // Rows so long that a task of a CPU takes fewer of them.
  [61, 9, 1100],
];

/** Sizes at which a GPU shares group memory: blocks that are not full, one row, and few. */
const shared: readonly Sizes[] = [
  [35, 45, 80],
  [1, 33, 64],
  [7, 70, 80],
];

/** One product in different layouts of its weight, with a prologue and an epilogue. */
const graphs: Readonly<Record<string, (sizes: Sizes) => Graph>> = {
  "x Wᵀ": ([, columns, inner]) => {
    const draft = start(columns, inner);
    const y = draft.contract(draft.input("x", ["R", "K"]), draft.weight("w", ["N", "K"]), "K");
    draft.output("y", y);
    return draft.finish();
  },
  "relu(x W + bias)": ([, columns, inner]) => {
    const draft = start(columns, inner);
    const y = draft.contract(draft.input("x", ["R", "K"]), draft.weight("w", ["K", "N"]), "K");
    draft.output("y", draft.map("relu", draft.map("add", y, draft.weight("bias", ["N"]))));
    return draft.finish();
  },
  "heads of x Wᵀ": ([, columns, inner]) => {
    const draft = start(columns, inner);
    draft.axis("H", 3);
    draft.axis("HN", 3 * columns);
    const whole = draft.weight("w", ["HN", "K"]);
    const w = draft.node({ kind: "split", axis: "HN", into: ["H", "N"] }, whole);
    const x = draft.input("x", ["R", "K"]);
    const y = draft.contract(draft.map("sigmoid", x), w, "K");
    draft.output("y", draft.map("add", y, draft.weight("bias", ["H", "N"])));
    return draft.finish();
  },
  "a weight for each of two": ([, columns, inner]) => {
    const draft = start(columns, inner);
    draft.axis("B", 2);
    const x = draft.input("x", ["B", "R", "K"]);
    draft.output("y", draft.contract(x, draft.weight("w", ["B", "N", "K"]), "K"));
    return draft.finish();
  },
  "an embedding that is the output, too": ([, columns, inner]) => {
    const draft = start(columns, inner);
    const table = draft.weight("w", ["N", "K"]);
    const chosen = draft.input("chosen", ["R"], "int", "token");
    const x = draft.node({ kind: "select", axis: "N", padded: false }, table, chosen);
    draft.output(
      "y",
      draft.contract(x, draft.node({ kind: "rename", from: "N", to: "M" }, table), "K"),
    );
    return draft.finish();
  },
};

function start(columns: number, inner: number): Draft {
  const draft = new Draft("Product");
  draft.axis("R", "R");
  draft.axis("N", columns);
  draft.axis("M", columns);
  draft.axis("K", inner);
  return draft;
}

for (const backend of await testedBackends()) {
  const run = test.skipIf(backend.missing !== undefined);
  for (const [name, graph] of Object.entries(graphs)) {
    run(`${backend.name}: ${name}`, async () => {
      for (const sizes of odd) await compare(backend, graph(sizes), sizes);
    });
    if (backend.target.smallWeight === undefined || backend.target.smallWeight === 0) continue;
    run(`${backend.name}: ${name}, in larger tiles`, async () => {
      const tiled = { ...backend, target: inTiles(backend.target) };
      for (const sizes of odd) await compare(tiled, graph(sizes), sizes);
    });
  }
}

for (const backend of await testedBackends()) {
  if (backend.target.family !== "gpu") continue;
  const run = test.skipIf(backend.missing !== undefined);
  for (const [name, graph] of Object.entries(graphs)) {
    run(`${backend.name}: ${name}, sharing group memory`, async () => {
      const sharing = { ...backend, target: targets.gpu };
      // These kernels take software devices a second each to compile.
      const sizes = backend.name === "webgpu" && name !== "x Wᵀ" ? shared.slice(0, 1) : shared;
      for (const each of sizes) await compare(sharing, graph(each), each);
    });
  }
}

async function compare(tested: TestedBackend, graph: Graph, sizes: Sizes): Promise<void> {
  const environment = environmentOf(graph, sizes);
  const planned = planGraph(graph, tested.target);
  for (const kernel of planned.kernels) verifyKernel(kernel);
  const backend = await tested.open(planned.kernels);
  const code = tested.code(planned.kernels);
  const actual = await runPlanned(graph, planned, backend, code, environment);
  for (const [name, expected] of graphTolerance(graph, environment, tested.errors)) {
    const found = actual.get(name);
    expect(found, name).toBeDefined();
    if (found !== undefined) expectWithin(found, expected, `${name} of ${sizes.join(" × ")}`);
  }
}

function environmentOf(graph: Graph, [rows, columns, inner]: Sizes): Environment {
  const random = seeded(rows * 10_000 + columns * 100 + inner);
  const sizes = new Map([["R", rows]]);
  const extents: Readonly<Record<string, number>> = {
    ...{ R: rows, N: columns, M: columns, K: inner },
    ...{ B: 2, H: 3, HN: 3 * columns },
  };
  const shapeOf = (axes: readonly string[]): number[] => axes.map((axis) => extents[axis] ?? 1);
  const inputs = graph.inputs.map(({ name, type }) => {
    const floats = randomTensor(random, shapeOf(type.axes), 1);
    if (type.element === "float") return [name, floats] as const;
    const data = Float64Array.from(floats.data, () => Math.floor(random() * columns));
    return [name, { ...floats, element: type.element, data }] as const;
  });
  const weights = new Map(
    [...graph.weights].map(([name, { axes }]) => [name, randomTensor(random, shapeOf(axes), 1)]),
  );
  return {
    sizes,
    inputs: new Map(inputs),
    weights: (name) => {
      const weight = weights.get(name);
      if (weight === undefined) throw new RangeError(`no weight ${name}`);
      return weight;
    },
  };
}

test("kernels of the CPU read no panel past the last one", async () => {
  const exact: TestedBackend = {
    ...{ name: "evaluate cpu", target: targets.cpu, errors: {}, missing: undefined },
    takes: () => true,
    open: async (kernels) => evaluateBackend(kernels, "cpu"),
    code: () => ({}),
  };
  // Several panels at once divide neither three nor thirteen nor seventeen.
  for (const columns of [24, 104, 136]) {
    for (const graph of Object.values(graphs))
      await compare(exact, graph([1, columns, 5]), [1, columns, 5]);
  }
});

test("the CPU packs the weights of products, and nothing else", () => {
  const layout = (name: string): unknown => {
    const graph = graphs[name]?.([3, 17, 5]);
    if (graph === undefined) throw new RangeError(`no graph ${name}`);
    return planGraph(graph, targets.cpu).plan.weights.map(({ name: weight, layout: found }) => [
      weight,
      found,
    ]);
  };
  const panels = { kind: "panels", batch: 1, columns: 17, inner: 5, innerFirst: false, width: 8 };
  expect(layout("x Wᵀ")).toEqual([["w", panels]]);
  expect(layout("relu(x W + bias)")).toEqual([
    ["w", { ...panels, innerFirst: true }],
    ["bias", undefined],
  ]);
  expect(layout("heads of x Wᵀ")).toEqual([
    ["w", { ...panels, columns: 51 }],
    ["bias", undefined],
  ]);
  expect(layout("a weight for each of two")).toEqual([["w", { ...panels, batch: 2 }]]);
  expect(layout("an embedding that is the output, too")).toEqual([["w", panels]]);
});
