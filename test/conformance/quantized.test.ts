/**
 * Quantised weights on the CPU: a product with them is the product with the numbers that they stand
 * for, computed here once more from the definition in `runtime/contract.ts`.
 */

import { expect, test } from "vitest";
import { encodeWasm } from "../../compiler/codegen/index.ts";
import type { Environment } from "../../compiler/graph/evaluate.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import type { Tensor } from "../../compiler/graph/tensor.ts";
import { verifyKernel } from "../../compiler/kernel/verify.ts";
import { targets } from "../../compiler/kernel/target.ts";
import type { Quantization } from "../../runtime/contract.ts";
import { createCpuBackend } from "../../runtime/cpu/backend.ts";
import { platformMultiplyAdd } from "../../runtime/cpu/multiply-add.ts";
import { Draft } from "../support/draft.ts";
import { randomTensor, seeded } from "../support/random.ts";
import { planGraph, runPlanned } from "../support/run-graph.ts";
import { expectWithin, graphTolerance } from "../support/tolerance.ts";

const types: readonly Quantization[] = [
  { bits: 8, group: 32, symmetric: true },
  { bits: 8, group: 8, symmetric: false },
  { bits: 4, group: 16, symmetric: true },
  { bits: 4, group: 256, symmetric: false },
];

/** Rows, columns, inner elements. */
const sizes: readonly (readonly [number, number, number])[] = [
  [1, 8, 1],
  [1, 65, 17],
  [3, 17, 65],
  [17, 44, 32],
  [65, 9, 300],
];

/** Both orders of a weight; the second is an embedding that is the output projection, too. */
const graphs: Readonly<Record<string, (columns: number, inner: number) => Graph>> = {
  "x W": (columns, inner) => {
    const draft = start(columns, inner);
    const y = draft.contract(draft.input("x", ["R", "K"]), draft.weight("w", ["K", "N"]), "K");
    draft.output("y", draft.map("relu", y));
    return draft.finish();
  },
  "E[tokens] Eᵀ": (columns, inner) => {
    const draft = start(columns, inner);
    const table = draft.weight("w", ["N", "K"]);
    const chosen = draft.input("chosen", ["R"], "int", "token");
    const x = draft.node({ kind: "select", axis: "N", padded: false }, table, chosen);
    const renamed = draft.node({ kind: "rename", from: "N", to: "M" }, table);
    draft.output("y", draft.contract(x, renamed, "K"));
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

for (const type of types) {
  const { bits, group, symmetric } = type;
  const kind = `int${bits} in groups of ${group}${symmetric ? "" : " with offsets"}`;
  for (const [name, graphOf] of Object.entries(graphs)) {
    test(`${name}, ${kind}`, async () => {
      for (const each of sizes) await compare(graphOf(each[1], each[2]), type, each);
    });
  }
}

async function compare(
  graph: Graph,
  type: Quantization,
  [rows, columns, inner]: readonly [number, number, number],
): Promise<void> {
  const random = seeded(rows + columns + inner);
  const turned = graph.weights.get("w")?.axes[0] === "K";
  const weight = randomTensor(random, turned ? [inner, columns] : [columns, inner], 1);
  const x = randomTensor(random, [rows, inner], 1);
  const chosen = Float64Array.from({ length: rows }, () => Math.floor(random() * columns));
  const tokens: Tensor = { element: "int", shape: [rows], data: chosen };
  const environment = (data: ArrayLike<number>): Environment => ({
    sizes: new Map([["R", rows]]),
    inputs: new Map(graph.inputs.map(({ name }) => [name, name === "x" ? x : tokens])),
    weights: () => ({ ...weight, data: Float64Array.from(data) }),
  });
  const planned = planGraph(graph, { ...targets.cpu, weights: type });
  for (const kernel of planned.kernels) verifyKernel(kernel);
  const code = { wasm: encodeWasm(planned.kernels, platformMultiplyAdd()) };
  const given = environment(weight.data);
  const actual = await runPlanned(graph, planned, createCpuBackend(), code, given);
  const meant = environment(dequantised(weight.data, type, columns, inner, turned));
  for (const [name, expected] of graphTolerance(graph, meant)) {
    const found = actual.get(name);
    expect(found, name).toBeDefined();
    if (found !== undefined) expectWithin(found, expected, `${name} of ${[rows, columns, inner]}`);
  }
}

/** The numbers that quantised weights stand for, column by column and group by group. */
function dequantised(
  data: ArrayLike<number>,
  { bits, group, symmetric }: Quantization,
  columns: number,
  inner: number,
  turned: boolean,
): Float64Array {
  const result = new Float64Array(data.length);
  const half = 2 ** (bits - 1);
  for (let column = 0; column < columns; column++) {
    for (let from = 0; from < inner; from += group) {
      const steps = Array.from({ length: Math.min(group, inner - from) }, (_, i) => from + i);
      const places = steps.map((k) => (turned ? k * columns + column : column * inner + k));
      const values = places.map((place) => data[place] ?? 0);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      const scale = Math.fround(
        symmetric ? Math.max(-least, most) / (half - 1) : (most - least) / (2 * half - 1),
      );
      const offset = symmetric ? 0 : Math.fround(least + scale * half);
      for (const [i, place] of places.entries()) {
        const exact = scale === 0 ? 0 : Math.round(((values[i] ?? 0) - offset) / scale);
        const number = Math.max(symmetric ? 1 - half : -half, Math.min(half - 1, exact));
        result[place] = number * scale + offset;
      }
    }
  }
  return result;
}
