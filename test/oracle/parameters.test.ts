/** Numbers of parameters of full-size specs are the published ones. */

import { expect, test } from "vitest";
import { sizeOf } from "../../compiler/graph/graph.ts";
import { asConstant } from "../../compiler/op/dimension.ts";
import { exampleGraph } from "./model.ts";

/** Model; then in billions, as Table 1 of the Uni-MoE paper has them: activated and total. */
const rows = [
  ["UniMoe7b", "8.9", "13.2"],
  ["UniMoe7bAll", "11.1", "19.7"],
  ["UniMoe7b8", "8.9", "21.9"],
  ["UniMoe7b8All", "11.1", "37.0"],
] as const;

test.each(rows)("%s: %s B activated of %s B", (model, activated, total) => {
  const graph = exampleGraph("uni-moe/uni-moe-7b", model);
  let [all, used] = [0, 0];
  for (const { name, axes } of graph.weights.values()) {
    // The table counts the language model; towers and connectors are 0.6 B more.
    if (!/^(?:model\.(?:layers|embed_tokens|norm)|lm_head)\b/.test(name)) continue;
    const sizes = axes.map((axis) => asConstant(sizeOf(graph, axis)) ?? 0);
    const count = sizes.reduce((product, size) => product * size, 1);
    const [experts = 1] = sizes;
    all += count;
    // Two experts of those that are stacked.
    used += name.includes("experts[") ? (2 * count) / experts : count;
  }
  expect([used, all].map((each) => (each / 1e9).toFixed(1))).toEqual([activated, total]);
});
