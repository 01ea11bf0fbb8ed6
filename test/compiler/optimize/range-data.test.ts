/** Tiles are classified by ranges of token data that are computed once, not by rows. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { evaluateKernel } from "../../../compiler/kernel/evaluate.ts";
import { targets } from "../../../compiler/kernel/target.ts";
import { attendArguments } from "../../../compiler/op/op.ts";
import { rangeData } from "../../../compiler/optimize/range-data.ts";
import { evaluateSize } from "../../../runtime/size.ts";
import { planGraph } from "../../support/run-graph.ts";
import { graphOf } from "../check/support.ts";

const text = (mask: string): string => `import { causal, documents, window } from "std/attention"
model M[H = 2, E = 4](sees: mask = all) {
  input x: [S, H, E]
  input document: int[S]
  output seen = attend(x, x[S as K], x[S as K] over K; mask = ${mask})
}`;

/** The ranges of the only attention of `graph`, over as many rows as `document` has. */
function rangesOf(graph: Graph, document: readonly number[]): readonly number[] {
  const rows = document.length;
  const environment = {
    sizes: new Map([["S", rows]]),
    inputs: new Map([
      ["x", { element: "float" as const, shape: [rows, 2, 4], data: Array(8 * rows).fill(0.5) }],
      ["document", { element: "int" as const, shape: [rows], data: document }],
    ]),
    weights: (name: string) => {
      throw new RangeError(name);
    },
  };
  const index = graph.nodes.findIndex(({ op }) => op.kind === "attend");
  const node = graph.nodes[index];
  if (node?.op.kind !== "attend") throw new Error("no attention");
  const [range] = attendArguments(node.op, node.args).parts[0]?.ranges?.values() ?? [];
  if (range === undefined) throw new Error("no range");
  return Array.from(evaluateGraph(graph, environment).values[range]?.data ?? []);
}

test("a granule has the smallest and largest number of its rows, the last one of fewer", () => {
  const ranged = rangeData(graphOf(text("documents(document)")));
  verifyGraph(ranged, "range-data");
  expect(rangesOf(ranged, [])).toEqual([]);
  expect(rangesOf(ranged, [7])).toEqual([-8, 7]);
  const lowest = -(2 ** 31);
  expect(rangesOf(ranged, [lowest])).toEqual([2 ** 31 - 1, lowest]);
  const rows = Array.from({ length: 33 }, (_, row) => (row < 16 ? row - 3 : row === 32 ? 9 : 40));
  expect(rangesOf(ranged, rows)).toEqual([2, -41, -10, 12, 40, 9]);
});

test("what reads no token data of keys stays as it is", () => {
  for (const mask of ["all", "causal and window(4)"]) {
    const graph = graphOf(text(mask));
    expect(rangeData(graph)).toBe(graph);
  }
});

test("equal layers share their ranges", () => {
  const graph = graphOf(`import { documents } from "std/attention"
model M[H = 2, E = 4] {
  input x: [S, H, E]
  input document: int[S]
  y = attend(x, x[S as K], x[S as K] over K; mask = documents(document))
  output z = attend(y, y[S as K], y[S as K] over K; mask = documents(document))
}`);
  const ranged = rangeData(graph);
  expect(ranged.nodes.filter(({ op }) => op.kind === "reduce")).toHaveLength(1);
});

test("packed documents cost reads of granules, not of rows", () => {
  const rows = 512;
  const [tileRows, tileKeys, granule] = [32, 32, 16];
  const graph = graphOf(text("documents(document)"));
  const { plan, kernels } = planGraph(graph, targets.cpu);
  const step = plan.phases[0]?.steps.find(
    (each) => each.kind === "dispatch" && each.variants.length > 1,
  );
  if (step?.kind !== "dispatch") throw new Error("no attention");
  const variant = step.variants.at(-1);
  const kernel = kernels.find(({ name }) => name === variant?.kernel);
  if (kernel === undefined || variant === undefined) throw new Error("no attention");
  const sizes = new Map([["S", rows]]);
  // Documents of 64 rows: each tile is seen whole or not at all.
  const document = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / 64));
  const range = Int32Array.from({ length: rows / 8 }, (_, index) => {
    const value = Math.floor((index % (rows / granule)) / (64 / granule));
    return index < rows / granule ? -1 - value : value;
  });
  const counts = new Map<string, number>();
  const counted = (name: string, values: Int32Array): Int32Array =>
    new Proxy(values, {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key))
          counts.set(name, (counts.get(name) ?? 0) + 1);
        return Reflect.get(target, key, target);
      },
    });
  const x = new Float32Array(rows * 8).fill(0.5);
  const seen = new Float32Array(rows * 8);
  const memory = kernel.buffers.map(({ name, element, access }) => {
    if (element === "f32") return [name, access === "read" ? x : seen] as const;
    const isRange = name.includes("range");
    return [name, counted(isRange ? "range" : "document", isRange ? range : document)] as const;
  });
  const tasks = evaluateSize(variant.groups, sizes);
  const scalars = kernel.scalars.map((name, index): [string, number] => [
    name,
    evaluateSize(step.scalars[index] ?? 0, sizes),
  ]);
  evaluateKernel(kernel, {
    groups: tasks,
    buffers: Object.fromEntries(memory),
    scalars: Object.fromEntries(scalars),
  });
  expect(tasks).toBe((rows / tileRows) * 2);
  expect(seen.every((value) => value === 0.5)).toBe(true);
  expect(counts.get("document")).toBe(tasks * tileRows);
  const tiles = tasks * (rows / tileKeys);
  expect(counts.get("range")).toBeLessThanOrEqual(tiles * (tileKeys / granule) * 2);
});
