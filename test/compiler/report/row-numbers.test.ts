/** Positions follow from lengths: of a whole prompt, and of new rows after those in caches. */

import { expect, test } from "vitest";
import type { Graph } from "../../../compiler/graph/graph.ts";
import { attendArguments } from "../../../compiler/op/op.ts";
import { optimize } from "../../../compiler/optimize/optimize.ts";
import { splitPhases } from "../../../compiler/optimize/split-phases.ts";
import { growthOf } from "../../../compiler/phase/growth.ts";
import { RowNumbers } from "../../../compiler/report/row-numbers.ts";
import { composite, toyMllm } from "../../support/toy-mllm.ts";

const graph = toyMllm({ layers: [{ mask: composite }, { mask: composite }] });
const growing = growthOf(graph).symbols;

/** The positions of the queries and of each part of the keys, for the first attention. */
function positions(of: Graph, sizes: Readonly<Record<string, number>>): unknown {
  const node = of.nodes.find(({ op }) => op.kind === "attend");
  if (node?.op.kind !== "attend") throw new Error("no attention");
  const rows = new RowNumbers(of, new Map(Object.entries(sizes)), growing);
  const { queryPosition, parts } = attendArguments(node.op, node.args);
  return [queryPosition, ...parts.map((part) => part.position)].map((id) => [
    ...(rows.of(id)?.data ?? []),
  ]);
}

test("segments follow each other as declared", () => {
  const sizes = { Image: 1, T: 2, "T.given": 2, past: 0 };
  expect(positions(graph, sizes)).toEqual([
    [0, 1, 2, 3, 4],
    [0, 1, 2, 3, 4],
  ]);
});

test("new rows follow those that caches hold", () => {
  const extend = splitPhases(optimize(graph)).phases.find((phase) => phase.name === "extend");
  if (extend === undefined) throw new Error("no phase `extend`");
  const sizes = { Image: 1, T: 2, "T.given": 2, past: 3 };
  expect(positions(extend.graph, sizes)).toEqual([
    [6, 7],
    [0, 1, 2],
    [3, 4, 5, 6, 7],
  ]);
});

test("what depends on tokens or weights is not known", () => {
  const rows = new RowNumbers(
    graph,
    new Map([
      ["Image", 1],
      ["T", 2],
      ["T.given", 2],
    ]),
    growing,
  );
  const [logits] = graph.outputs;
  if (logits === undefined) throw new Error("no output");
  expect(rows.of(logits.value)).toBeUndefined();
});
