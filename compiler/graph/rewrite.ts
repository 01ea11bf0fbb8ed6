/**
 * The tool that passes are made with: a new graph, node by node, from an old one. Origins are kept,
 * outputs and generation follow their values. Nodes that nothing uses any more are left behind for
 * `removeDead`.
 */

import { invariant } from "../../grammar/invariant.ts";
import { equalTypes } from "../op/type.ts";
import { GraphBuilder } from "./build.ts";
import { type Graph, type Node, type ValueId, valueId } from "./graph.ts";
import { printNode } from "./print.ts";

/**
 * Decides about one node. `node` has its arguments already mapped to the new graph, `old` is its id
 * in the old one, `builder` holds the new graph so far and takes further nodes. The result is the
 * new value that stands for the node, which must have the same type; undefined keeps the node.
 */
export type Visitor = (node: Node, old: ValueId, builder: GraphBuilder) => ValueId | undefined;

/** Rewrites `graph`; `pass` is named when the visitor changes a type. */
export function rewriteGraph(graph: Graph, pass: string, visit: Visitor): Graph {
  const builder = GraphBuilder.without(graph);
  const renamed: ValueId[] = [];
  const mapped = (id: ValueId): ValueId => {
    const value = renamed[id];
    if (value === undefined) invariant(false, `${pass} meets %${id} before its node`);
    return value;
  };
  graph.nodes.forEach((node, index) => {
    const args = node.args.map(mapped);
    const moved = args.every((arg, i) => arg === node.args[i]) ? node : { ...node, args };
    const replacement = visit(moved, valueId(index), builder);
    if (replacement === undefined) {
      renamed.push(builder.append(moved));
      return;
    }
    const made = builder.nodeOf(replacement);
    if (!equalTypes(made.type, node.type)) {
      const nodes = `${printNode(node, index)}\nby ${printNode(made, replacement)}`;
      invariant(false, `${pass} replaces ${nodes}`);
    }
    renamed.push(replacement);
  });
  for (const output of graph.outputs) builder.addOutput(output.name, mapped(output.value));
  const { generation } = graph;
  if (generation !== undefined)
    builder.setGeneration({ ...generation, logits: mapped(generation.logits) });
  return builder.finish();
}

/** For each node, the nodes that have it as an argument, in order, once for each time. */
export function usersOf(graph: Graph): readonly (readonly ValueId[])[] {
  const users: ValueId[][] = graph.nodes.map(() => []);
  graph.nodes.forEach((node, index) => {
    for (const arg of node.args) users[arg]?.push(valueId(index));
  });
  return users;
}

/** The values that must stay although no node uses them: outputs, generation, what caches keep. */
export function rootsOf(graph: Graph): ReadonlySet<ValueId> {
  const roots = new Set(graph.outputs.map((output) => output.value));
  if (graph.generation !== undefined) roots.add(graph.generation.logits);
  graph.nodes.forEach((node, index) => {
    if (node.op.kind === "append") roots.add(valueId(index));
  });
  return roots;
}
