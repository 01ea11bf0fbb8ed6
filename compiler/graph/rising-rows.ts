/** Whether positions rise with the row: what bounds a tile of rows by its first and last. */

import type { AxisName } from "../op/axis.ts";
import { axisAt, type Graph, nodeAt, type ValueId } from "./graph.ts";

/**
 * Whether `position`, read along `axis`, rises from row to row: the rows are one segment's, are
 * numbered, or are numbered on from those of a cache.
 */
export function rowsRise(
  graph: Graph,
  axis: AxisName,
  position: ValueId,
  segment: string | undefined,
): boolean {
  if (segment !== undefined) return true;
  return axisAt(graph, axis).segments.length === 0 && isNumbered(graph, position);
}

function isNumbered(graph: Graph, value: ValueId): boolean {
  const { op, args } = nodeAt(graph, value);
  const [first, second] = args;
  if (op.kind === "index") return true;
  if (first === undefined) return false;
  // Rows of a cache follow each other over all calls: each counts on from those before.
  if (op.kind === "append" || op.kind === "slice") return isNumbered(graph, first);
  if (op.kind !== "map" || op.fn !== "add" || second === undefined) return false;
  return isNumbered(graph, first) && nodeAt(graph, second).op.kind === "size";
}
