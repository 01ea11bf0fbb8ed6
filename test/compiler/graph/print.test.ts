/** The text of a graph with every operation: a golden file. */

import { expect, test } from "vitest";
import { printGraph, printNode } from "../../../compiler/graph/print.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { add, constant, symbol } from "../../../compiler/op/dimension.ts";
import { Draft } from "../../support/draft.ts";

test("every operation prints with all that it says", async () => {
  const d = new Draft("Everything");
  d.axis("R", "R");
  d.axis("X", "X");
  d.axis("S", add(symbol("R"), symbol("X")), [
    { name: "visual", axis: "R" },
    { name: "text", axis: "X" },
  ]);
  d.builder.addFreshAxis({
    label: "S",
    size: add(symbol("R"), symbol("X")),
    lineage: { kind: "renamed", from: "S" },
    segments: [],
  });
  d.axis("Past", add(symbol("Kept"), symbol("X")));
  for (const [name, size] of Object.entries({ D: 4, H: 2, G: 1, E: 2, P: 2, Pair: 2 }))
    d.axis(name, size);
  const x = d.input("x", ["R", "D"]);
  const prompt = d.input("prompt", ["X"], "int", "token");
  const w = d.weight("model.embed", ["D", "P"]);
  const ramp = d.node({ kind: "index", axis: "D" });
  const chosen = d.node({ kind: "select", axis: "D", padded: true }, w, prompt);
  d.node({ kind: "table", element: "int", axes: ["D"], data: [3, 1, 4, 1] });
  d.node({ kind: "size", size: symbol("X") });
  const scaled = d.map("multiply", x, d.constant(-0));
  d.reduce("argmax", d.contract(scaled, w, "D"), "P");
  d.node({ kind: "cumulative", axis: "D" }, d.map("float", ramp));
  const split = d.node({ kind: "split", axis: "D", into: ["Pair", "E"] }, x);
  d.node({ kind: "merge", axes: ["Pair", "E"], into: "D" }, split);
  d.node({ kind: "slice", axis: "D", start: constant(1), into: "P" }, x);
  const joined = d.node({ kind: "join", into: "S", parts: ["R", "X"] }, d.constant(0), chosen);
  d.node({ kind: "stack", into: "Pair" }, joined, joined);
  d.node({ kind: "top", axis: "D", into: "P", result: "indices" }, x);
  d.node({ kind: "sort", axis: "D", result: "values" }, x);
  const type = { element: "float", axes: ["X", "P"] } as const;
  const state = d.node({ kind: "state", name: "cache", type });
  d.node({ kind: "append", state: "cache", axis: "X", into: "Past" }, state);
  const at = d.node({ kind: "index", axis: "S" });
  const keysAt = d.node({ kind: "rename", from: "S", to: "S.2" }, at);
  const keys = d.input("keys", ["S.2", "G", "E"]);
  const side = d.input("document", ["S.2"], "int");
  const attended = d.attend(
    {
      query: "S",
      querySegment: "text",
      contracted: "E",
      value: "E",
      group: { query: "H", key: "G" },
      scale: 0.5,
      sink: true,
      data: ["k"],
      parts: [
        {
          axis: "S.2",
          segment: "visual",
          mask: {
            kind: "or",
            operands: [
              {
                kind: "and",
                operands: [
                  { kind: "segment", side: "q", segment: "text" },
                  {
                    kind: "compare",
                    comparison: "<=",
                    left: {
                      kind: "binary",
                      operator: "%",
                      left: {
                        kind: "binary",
                        operator: "-",
                        left: { kind: "position", side: "q" },
                        right: { kind: "data", index: 0, side: "k" },
                      },
                      right: { kind: "number", value: 3 },
                    },
                    right: { kind: "number", value: 1 },
                  },
                ],
              },
              { kind: "not", operand: { kind: "given", side: "k" } },
            ],
          },
        },
      ],
      score: {
        kind: "binary",
        operator: "*",
        left: { kind: "number", value: 50 },
        right: { kind: "unary", operator: "tanh", operand: { kind: "logit" } },
      },
    },
    d.input("queries", ["S", "H", "E"]),
    at,
    keys,
    keys,
    keysAt,
    side,
    d.input("sink", ["H"]),
  );
  d.output("attended", attended);
  const span = { file: "test", start: 0, end: 0 };
  d.builder.setGeneration({ tokens: "prompt", axis: "X", logits: attended, span });
  const graph = d.finish();
  verifyGraph(graph, "test");
  await expect(printGraph(graph)).toMatchFileSnapshot("../../golden/graph/every-operation.txt");
});

test("a node shows the block it comes from and the name it was given", () => {
  const origin = { span: { file: "m.braid", start: 3, end: 9 }, path: "model.layers.3", name: "x" };
  const type = { element: "bool", axes: [] } as const;
  const node = { op: { kind: "map", fn: "not" }, args: [], type, origin } as const;
  expect(printNode(node, 5)).toBe("%5: bool = map not   ; model.layers.3, x");
});
