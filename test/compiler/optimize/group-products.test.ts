import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import { nodeAt, sizeOf } from "../../../compiler/graph/graph.ts";
import type { Tensor } from "../../../compiler/graph/tensor.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { evaluateDimension } from "../../../compiler/op/dimension.ts";
import { groupProducts } from "../../../compiler/optimize/group-products.ts";
import { preparePhase } from "../../../compiler/plan/prepare.ts";
import { graphOf } from "../check/support.ts";
import { onePhase } from "../../support/run-graph.ts";

const graph = graphOf(`import { choose_then_weigh, swiglu_experts } from "std/experts"
model M[Slot = 2, Expert = 4, F = 5, D = 3] {
  input x: [S, D]
  weight gate.weight: [Expert, D]
  share, choice = choose_then_weigh[Slot](x @ gate.weight)
  y = swiglu_experts[Expert, F](x, share, choice)
  output y
}`);

/** Numbers that look random and are the same each time. */
function numbers(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed));
}

function tensor(axes: readonly string[], sizes: ReadonlyMap<string, number>, seed: number): Tensor {
  const shape = axes.map((axis) => evaluateDimension(sizeOf(graph, axis), sizes));
  const count = shape.reduce((product, size) => product * size, 1);
  return { element: "float", shape, data: numbers(count, seed) };
}

test("rows that choose one matrix are brought together, and nothing changes", () => {
  const grouped = groupProducts(graph);
  verifyGraph(grouped, "groupProducts");
  expect(grouped.nodes.filter(({ op }) => op.kind === "sort")).toHaveLength(3);
  for (const rows of [0, 1, 2, 9]) {
    const sizes = new Map([["S", rows]]);
    const environment = {
      sizes,
      inputs: new Map([["x", tensor(["S", "D"], sizes, 1)]]),
      weights: (name: string) => tensor(graph.weights.get(name)?.axes ?? [], sizes, name.length),
    };
    const [before, after] = [graph, grouped].map(
      (each) => evaluateGraph(each, environment).outputs.get("y")?.data ?? [],
    );
    const wrong = Array.from(before ?? []).filter(
      (x, i) => Math.abs(x - (after?.[i] ?? 0)) > 1e-12,
    );
    expect(before).toHaveLength(3 * rows);
    expect(wrong).toEqual([]);
  }
});

test("no matrix is stored for a row", () => {
  const [phase] = onePhase(graph).phases.map(preparePhase);
  const axes = [...(phase?.stored ?? [])].map((id) => {
    const stored = phase === undefined ? undefined : nodeAt(phase.phase.graph, id);
    return stored?.type.axes ?? [];
  });
  expect(axes.length).toBeGreaterThan(0);
  // A matrix has both the rows' axis and the inner axis of the experts.
  expect(axes.filter((each) => each.includes("F") && each.includes("D"))).toEqual([]);
});
