/** Operations are counted as papers count them: before and after what the mask says of segments. */

import { expect, test } from "vitest";
import { graphFlops } from "../../../compiler/graph/flops.ts";
import type { Graph, Node } from "../../../compiler/graph/graph.ts";
import { evaluateDimension } from "../../../compiler/op/dimension.ts";
import { splitWherePays } from "../../../compiler/optimize/bind-rows.ts";
import { narrowRows } from "../../../compiler/optimize/narrow-rows.ts";
import { removeDead } from "../../../compiler/optimize/remove-dead.ts";
import { composite, masks, toyMllm, toySizes } from "../../support/toy-mllm.ts";

const [visual, text] = [6, 5];
const all = visual + text;

/** The operations of the layers' products and attention. */
function layerFlops(graph: Graph): number {
  const counts = (node: Node): boolean =>
    node.op.kind === "attend" ||
    (node.op.kind === "contract" &&
      node.args.some((arg) => {
        const op = graph.nodes[arg]?.op;
        return op?.kind === "weight" && op.name.startsWith("layers.");
      }));
  const sizes = new Map([
    ["Image", visual / toySizes.P],
    ["T", text],
  ]);
  return evaluateDimension(graphFlops(graph, counts), sizes);
}

/** The formula for two layers: rows through q, o, k and v, the MLP; pairs of rows scored. */
function formula(rows: Record<"q" | "o" | "kv" | "mlp" | "scores", number>): number {
  const { D, H, G, E, F } = toySizes;
  const products = (rows.q + rows.o) * H * E * D + rows.kv * 2 * G * E * D + rows.mlp * 3 * F * D;
  return 2 * 2 * (products + rows.scores * H * 2 * E);
}

const dense = { q: all, o: all, kv: all, mlp: all, scores: all * all };

test("every row, every score", () => {
  const layer = { mask: masks.causal };
  expect(layerFlops(toyMllm({ layers: [layer, layer] }))).toBe(formula(dense));
});

test("composite attention leaves out scores, then queries", () => {
  const layer = { mask: composite };
  const graph = toyMllm({ layers: [layer, layer], tapped: true });
  const split = splitWherePays(graph);
  expect(layerFlops(removeDead(split))).toBe(formula({ ...dense, scores: text * all }));
  const narrow = formula({ ...dense, q: text, scores: text * all });
  expect(layerFlops(narrowRows(split))).toBe(narrow);
});
