/** Splitting attention by segments and narrowing rows change nothing that is computed. */

import { expect, test } from "vitest";
import { evaluateGraph } from "../../../compiler/graph/evaluate.ts";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { printGraph } from "../../../compiler/graph/print.ts";
import { verifyGraph } from "../../../compiler/graph/verify.ts";
import { narrowRows } from "../../../compiler/optimize/narrow-rows.ts";
import { splitSegments } from "../../../compiler/optimize/split-segments.ts";
import { expectClose } from "../../support/close.ts";
import {
  composite,
  imageApart,
  imageBothWays,
  masks,
  sliding,
  textOnly,
  toyMllm,
} from "../../support/toy-mllm.ts";
import { toyEnvironment } from "../../support/toy-prompt.ts";

const layouts = ["itt", "titt", "tittit", "ttt", "tti"];

function splitAll(graph: Graph): Graph {
  return splitSegments(graph, () => true).graph;
}

const models = {
  composite: { layers: [{ mask: composite }, { mask: composite }] },
  textOnly: { layers: [{ mask: textOnly }, { mask: textOnly }] },
  causal: { layers: [{ mask: masks.causal }, { mask: masks.causal }] },
  "both ways": { layers: [{ mask: imageBothWays }, { mask: imageBothWays }] },
  apart: { layers: [{ mask: imageApart }, { mask: imageApart }] },
  sliding: { layers: [{ mask: sliding(3) }, { mask: masks.causal }] },
  mixed: { layers: [{ mask: composite }, { mask: masks.causal }, { mask: textOnly }] },
  frozen: {
    layers: [
      { mask: composite, visual: { attention: false, mlp: false } },
      { mask: composite, visual: { attention: true, mlp: false } },
    ],
  },
  tapped: { layers: [{ mask: composite }, { mask: composite }], tapped: true },
};

for (const [name, model] of Object.entries(models)) {
  test(`${name}: split and narrowed computes the same`, () => {
    const graph = toyMllm(model);
    verifyGraph(graph, "toyMllm");
    const split = splitAll(graph);
    verifyGraph(split, "splitSegments");
    const narrow = narrowRows(split);
    verifyGraph(narrow, "narrowRows");
    for (const [seed, layout] of layouts.entries()) {
      const environment = toyEnvironment(graph, { layout, seed });
      const wanted = evaluateGraph(graph, environment).outputs;
      expectClose(evaluateGraph(split, environment).outputs, wanted);
      expectClose(evaluateGraph(narrow, environment).outputs, wanted);
    }
  });
}

test("composite: no query of visual rows is computed, the last layer has only keys and values", () => {
  const graph = narrowRows(splitAll(toyMllm(models.composite)));
  const queries = contractionsWith(graph, /\.q$/);
  expect(queries.map((each) => each[0])).toEqual(["T", "T"]);
  expect(contractionsWith(graph, /layers\.1\.o$/)).toEqual([["T", "D"]]);
  expect(contractionsWith(graph, /layers\.0\.o$/)).toEqual([["S", "D"]]);
  expect(contractionsWith(graph, /layers\.1\.(up|gate)$/)).toEqual([
    ["T", "F"],
    ["T", "F"],
  ]);
  expect(graph.nodes.filter((node) => node.op.kind === "attend")).toHaveLength(2);
  expect(printGraph(graph)).not.toContain("sees nothing");
});

/** The result axes of contractions with weights whose name matches. */
function contractionsWith(graph: Graph, name: RegExp): string[][] {
  return graph.nodes.flatMap((node) => {
    if (node.op.kind !== "contract") return [];
    const weighted = node.args.some((arg) => {
      const op = graph.nodes[arg]?.op;
      return op?.kind === "weight" && name.test(op.name);
    });
    return weighted ? [[...node.type.axes]] : [];
  });
}
