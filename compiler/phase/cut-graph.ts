/** A part of a graph: what some outputs need, with the values of other phases read as states. */

import { GraphBuilder } from "../graph/build.ts";
import { type Graph, nodeAt, type Output, type ValueId, valueId } from "../graph/graph.ts";

/** A part of a graph and where the old values are in it. */
export interface CutGraph {
  readonly graph: Graph;
  readonly moved: ReadonlyMap<ValueId, ValueId>;
}

/**
 * The nodes of `graph` that `outputs` need. A value in `states` is not computed but read under that
 * name. Generation is left out where the part does not reach its logits.
 */
export function cutGraph(
  graph: Graph,
  outputs: readonly Output[],
  states: ReadonlyMap<ValueId, string>,
): CutGraph {
  const live = liveBefore(graph, outputs, states);
  const builder = GraphBuilder.without(graph);
  const moved = new Map<ValueId, ValueId>();
  const at = (id: ValueId): ValueId => moved.get(id) ?? missing(id);
  for (const id of live) {
    const node = nodeAt(graph, id);
    const state = states.get(id);
    if (state !== undefined) {
      const op = { kind: "state", name: state, type: node.type } as const;
      moved.set(id, builder.node(op, [], node.origin));
      continue;
    }
    moved.set(id, builder.append({ ...node, args: node.args.map(at) }));
  }
  for (const { name, value } of outputs) builder.addOutput(name, at(value));
  const { generation } = graph;
  const logits = generation && moved.get(generation.logits);
  if (generation !== undefined && logits !== undefined)
    builder.setGeneration({ ...generation, logits });
  return { graph: builder.finish(), moved };
}

function missing(id: ValueId): never {
  throw new RangeError(`cut-graph lost %${id}`);
}

/** What `outputs` need, in order; what is read as a state needs nothing. */
function liveBefore(
  graph: Graph,
  outputs: readonly Output[],
  states: ReadonlyMap<ValueId, string>,
): readonly ValueId[] {
  const live = new Set<ValueId>(outputs.map((output) => output.value));
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const id = valueId(index);
    if (live.has(id) && !states.has(id)) for (const arg of nodeAt(graph, id).args) live.add(arg);
  }
  return [...live].sort((a, b) => a - b);
}
