/** What a pass gets for free: origins, outputs and generation follow their values. */

import { expect, test } from "vitest";
import { freshAxisName } from "../../../compiler/graph/build.ts";
import { valueId } from "../../../compiler/graph/graph.ts";
import { rewriteGraph, rootsOf, usersOf } from "../../../compiler/graph/rewrite.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { Draft } from "../../support/draft.ts";

/** y = exp(-x), and generation reads -x. */
function sample() {
  const draft = new Draft();
  draft.axis("D", 3);
  const negated = draft.map("negate", draft.input("x", ["D"]));
  draft.output("y", draft.map("exp", negated));
  const span = { file: "test", start: 0, end: 0 };
  draft.builder.setGeneration({ tokens: "x", axis: "D", logits: negated, span });
  return draft.finish();
}

test("keeping every node gives an equal graph", () => {
  const graph = sample();
  expect(rewriteGraph(graph, "nothing", () => undefined)).toEqual(graph);
});

test("a replaced node takes its users, outputs and generation with it", () => {
  const graph = sample();
  const after = rewriteGraph(graph, "double", (node, old, builder) => {
    if (node.op.kind !== "map" || node.op.fn !== "negate") return undefined;
    expect(old).toBe(1);
    const [x] = node.args;
    if (x === undefined) return undefined;
    const twice = builder.node({ kind: "map", fn: "add" }, [x, x], node.origin);
    return builder.node(node.op, [twice], node.origin);
  });
  verifyGraph(after, "double");
  expect(after.nodes.map((node) => node.args)).toEqual([[], [0, 0], [1], [2]]);
  expect(after.outputs).toEqual([{ name: "y", value: 3 }]);
  expect(after.generation?.logits).toBe(2);
});

test("a replacement of another type is our own mistake", () => {
  const wrong = () =>
    rewriteGraph(sample(), "careless", (node, _old, builder) =>
      node.op.kind === "map"
        ? builder.node({ kind: "constant", element: "float", value: 0 }, [], node.origin)
        : undefined,
    );
  expect(wrong).toThrow("careless replaces %1: float[D] = map negate %0\nby %1: float = constant");
});

test("users and roots", () => {
  const graph = sample();
  expect(usersOf(graph)).toEqual([[1], [2], []]);
  expect(rootsOf(graph)).toEqual(new Set([valueId(2), valueId(1)]));
});

test("fresh names are numbered from two", () => {
  const axes = new Map([
    ["K", 0],
    ["K.2", 0],
  ]);
  expect(["S", "K"].map((label) => freshAxisName(axes, label))).toEqual(["S", "K.3"]);
});
