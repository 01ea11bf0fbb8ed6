/** A model that counts the rows that it keeps, and drops the others. */

import { checkModel } from "../../compiler/compile.ts";
import type { Graph } from "../../compiler/graph/graph.ts";
import { render } from "../../grammar/index.ts";

const text = `import { causal } from "std/attention"

/// Rows that are kept go on, twice, in front of text rows that see them.
model Dropping[H = 2, E = 4, D = 6] {
  input rows: [V, H, E]
  input keep: int[V]
  input words: [T, H, E]
  weight w: [H, E, D]

  sequence S = visual: V, text: T
  flags = where(keep > 0, 1, 0)
  _, order = sort(1 - flags over V; Place)
  Kept = measured(sum(flags over V))
  kept = rows[V = order[Place = index(Kept)]]
  sequence R = visual: Kept, text: T
  x = join R(visual = kept, text = words)
  seen = attend(x, x[R as K], x[R as K] over K; mask = causal)
  output seen = seen.visual
  output text = seen.text @ w

  // Half of those that went on, rounded down.
  Half = measured(min(floor_div(sum(flags over V), 2), Kept))
  half = kept[Kept = index(Half)]
  output half = half * float(Half) @ w
  output mean = sum(half over Half) / float(Half + 1)
}
`;
/** The graph of the model: `Kept` of `V` rows go on, then `Half` of these. */
export function droppingGraph(): Graph {
  const source = { file: "dropping.braid", text };
  const { value, diagnostics } = checkModel(source);
  if (value === undefined) throw new Error(render(diagnostics, new Map([[source.file, text]])));
  return value.graph;
}
