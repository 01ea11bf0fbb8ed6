/** Margins: the gap between what a discontinuous operation decides between. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { ValueId } from "../../../compiler/graph/graph.ts";
import { Draft } from "../../support/draft.ts";
import { tiesOf } from "../../support/tolerance.ts";

const environment = {
  sizes: new Map(),
  inputs: new Map([
    ["x", { element: "float", shape: [2, 4], data: [1, 8, 3, 7.5, 2.25, -1, 2, 0.5] }],
    ["i", { element: "int", shape: [4], data: [1, 1, 2, 3] }],
  ] as const),
  weights: (): never => {
    throw new RangeError("there are no weights");
  },
};

/** The margin of the last node, undefined if it decides nothing. */
function margin(build: (draft: Draft, x: ValueId, i: ValueId) => ValueId): number | undefined {
  const draft = new Draft();
  draft.axis("A", 2);
  draft.axis("B", 4);
  draft.axis("Two", 2);
  const id = build(draft, draft.input("x", ["A", "B"]), draft.input("i", ["B"], "int"));
  return evaluateGraph(draft.finish(), environment, { margins: true }).margins.get(id);
}

const top = (result: "values" | "indices") =>
  ({ kind: "top", axis: "B", into: "Two", result }) as const;

test("margins of decisions", () => {
  expect(margin((d, x) => d.reduce("argmax", x, "B"))).toBe(0.25);
  expect(margin((d, x) => d.reduce("argmax", x, "A"))).toBe(1);
  expect(margin((d, x) => d.node(top("indices"), x))).toBe(0.25);
  expect(margin((d, x) => d.node({ kind: "sort", axis: "B", result: "indices" }, x))).toBe(0.25);
  expect(margin((d, x) => d.map("less", x, d.constant(7)))).toBe(0.5);
  expect(margin((d, x) => d.map("floor", d.map("add", x, d.constant(0.125))))).toBe(0.25);
  expect(margin((d, x) => d.map("round", d.map("add", x, d.constant(0.125))))).toBe(0.25);
});

test("what is continuous, or about ints, has no margin", () => {
  expect(margin((d, x) => d.node(top("values"), x))).toBeUndefined();
  expect(margin((d, x) => d.map("exp", x))).toBeUndefined();
  expect(margin((d, _, i) => d.map("less", i, d.constant(2, "int")))).toBeUndefined();
  expect(margin((d, _, i) => d.reduce("argmax", i, "B"))).toBeUndefined();
});

test("a tie is a decision that float32 could take otherwise", () => {
  const ties = (threshold: number): number => {
    const draft = new Draft();
    draft.axis("A", 2);
    draft.axis("B", 4);
    const sums = draft.reduce("sum", draft.map("exp", draft.input("x", ["A", "B"])), "B");
    draft.output("y", draft.map("less", sums, draft.constant(threshold)));
    return tiesOf(draft.finish(), environment).length;
  };
  const sum = Math.exp(1) + Math.exp(8) + Math.exp(3) + Math.exp(7.5);
  expect(ties(sum * (1 + 2 ** -22))).toBe(1);
  expect(ties(sum * 1.01)).toBe(0);
});
