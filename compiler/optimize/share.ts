/** Merges nodes that compute the same value. */

import type { Graph, Node, ValueId } from "../graph/graph.ts";
import { printOp } from "../graph/print.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import { tableText } from "../op/table-text.ts";

/**
 * Gives nodes with equal operations on equal operands one value (common subexpressions).
 *
 * Sound because operations are pure, and printing an operation tells different ones apart. The first
 * occurrence wins, so the surviving `origin` is the earliest in the source. Caches (`append`) are
 * left alone: each keeps rows of its own. Needs nothing; leaves no dead nodes, because a node that
 * is merged is not built.
 */
export function share(graph: Graph): Graph {
  const seen = new Map<string, ValueId>();
  return rewriteGraph(graph, "share", (node, _old, builder) => {
    if (node.op.kind === "append") return undefined;
    const key = keyOf(node);
    const first = seen.get(key);
    if (first !== undefined) return first;
    const id = builder.append(node);
    seen.set(key, id);
    return id;
  });
}

function keyOf(node: Node): string {
  const { op, args } = node;
  const data =
    op.kind === "table" ? `${op.element} ${op.axes.join(" ")} ${tableText(op.data)}` : "";
  return `${printOp(op)} ${data}(${args.join(" ")})`;
}
