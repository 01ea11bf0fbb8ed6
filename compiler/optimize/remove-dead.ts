/** Removes what nothing reads. */

import { GraphBuilder } from "../graph/build.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import { rootsOf } from "../graph/rewrite.ts";

/**
 * Drops the nodes that no output, generation or cache depends on, and the weights that no node
 * reads.
 *
 * Sound because operations are pure: a value that nobody reads changes nothing. Inputs and axes stay
 * even if unused, since callers and other tables name them. Needs nothing and leaves every remaining
 * node as it was, in the same order. Each other pass leaves its dead nodes to this one.
 */
export function removeDead(graph: Graph): Graph {
  const live = liveValues(graph);
  const weights = new Set<string>();
  const builder = GraphBuilder.without(graph);
  const renamed = new Map<number, ValueId>();
  const mapped = (id: ValueId): ValueId => renamed.get(id) ?? id;
  graph.nodes.forEach((node, id) => {
    if (!live[id]) return;
    if (node.op.kind === "weight") weights.add(node.op.name);
    const args = node.args.map(mapped);
    const isSame = args.every((arg, index) => arg === node.args[index]);
    renamed.set(id, builder.append(isSame ? node : { ...node, args }));
  });
  for (const output of graph.outputs) builder.addOutput(output.name, mapped(output.value));
  const { generation } = graph;
  if (generation !== undefined)
    builder.setGeneration({ ...generation, logits: mapped(generation.logits) });
  const kept = [...graph.weights].filter(([name]) => weights.has(name));
  return { ...builder.finish(), weights: new Map(kept) };
}

function liveValues(graph: Graph): readonly boolean[] {
  const live = graph.nodes.map(() => false);
  for (const root of rootsOf(graph)) live[root] = true;
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    if (!live[id]) continue;
    for (const arg of graph.nodes[id]?.args ?? []) live[arg] = true;
  }
  return live;
}
