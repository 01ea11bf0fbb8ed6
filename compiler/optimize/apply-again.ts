/** The same operation on new arguments. */

import type { GraphBuilder } from "../graph/build.ts";
import { type Graph, type Node, nodeAt, type ValueId } from "../graph/graph.ts";
import { axisAfter, type Path } from "./row-path.ts";

/**
 * Appends the operation of `node`, which is of `graph`, on `args` of `builder`: the rows `path` of
 * all its arguments. The type is inferred only if some argument is not as `path` says, since most
 * are.
 */
export function applyAgain(
  builder: GraphBuilder,
  graph: Graph,
  node: Node,
  args: readonly ValueId[],
  path: Path = [],
): ValueId {
  const { op, type, origin } = node;
  if (!isAlike(op.kind, path) || !args.every((arg, index) => isAsBefore(arg, node.args[index])))
    return builder.node(op, args, origin);
  const axes = path.length === 0 ? type.axes : type.axes.map((axis) => axisAfter(axis, path));
  return builder.append({ op, args, type: { element: type.element, axes }, origin });

  function isAsBefore(arg: ValueId, old: ValueId | undefined): boolean {
    const now = builder.typeOf(arg).axes;
    const before = old === undefined ? [] : nodeAt(graph, old).type.axes;
    return (
      now.length === before.length &&
      now.every((axis, index) => axis === axisAfter(before[index] ?? "", path))
    );
  }
}

/** Whether the sliced axes stand in the result where they stand in the arguments. */
function isAlike(kind: Node["op"]["kind"], path: Path): boolean {
  return path.length === 0 || kind === "map" || kind === "contract" || kind === "reduce";
}
