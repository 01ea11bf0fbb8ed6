/** Splits attention where its mask or what its rows depend on makes segments differ. */

import { type Graph, type Node, nodeAt, type ValueId } from "../graph/graph.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import { isJoined, type QueryCells, segmentsOf } from "../phase/attend-cells.ts";
import {
  bindsApart,
  type Dependences,
  dependencesOf,
  staticSegments,
} from "../phase/dependence.ts";
import { type Growth, growthOf } from "../phase/growth.ts";
import { narrowRows } from "./narrow-rows.ts";
import { splitSegments } from "./split-segments.ts";

/**
 * Splits the attentions where that pays: some segment's rows see nothing, or only themselves, or no
 * row of some key segment; or all query rows but those that grow are static, and so are the rows of
 * some key segment, which a phase can then keep. Elsewhere (a plain causal mask) the segments stay one
 * sequence, so that their rows share matrix products.
 */
export function splitWherePays(graph: Graph): Graph {
  const dependences = dependencesOf(graph);
  const growth = growthOf(graph);
  return splitSegments(
    graph,
    (id, op, cells) => maskParts(cells) || bindsRows(graph, growth, dependences, id, op),
  ).graph;
}

/**
 * Computes only the rows that are read, and static rows apart from those that depend on tokens.
 * Where that leaves an attention with growing queries alone, its static keys come apart as well.
 */
export function narrowBound(graph: Graph): Graph {
  const dependences = dependencesOf(graph);
  const narrow = narrowRows(graph, (id, axis) => bindsApart(dependences, id, axis));
  const split = splitBound(narrow);
  return split === undefined ? narrow : narrowBound(split);
}

/** `graph` with the attentions split whose segments bind apart, if there are any. */
function splitBound(graph: Graph): Graph | undefined {
  const growth = growthOf(graph);
  const joined = ({ op }: Node): boolean => op.kind === "attend" && isJoined(graph, growth, op);
  if (!graph.nodes.some(joined)) return undefined;
  const dependences = dependencesOf(graph);
  const { graph: split, whole } = splitSegments(
    graph,
    (id, op) => isJoined(graph, growth, op) && bindsRows(graph, growth, dependences, id, op),
  );
  return whole.size === 0 ? undefined : split;
}

function maskParts(queries: readonly QueryCells[]): boolean {
  return queries.some(
    ({ cells, verdict }) =>
      verdict.kind !== "attend" || cells.some((cell) => cell.verdict.kind === "none"),
  );
}

function bindsRows(
  graph: Graph,
  growth: Growth,
  dependences: Dependences,
  id: ValueId,
  op: AttendOp,
): boolean {
  const roles = attendArguments(op, nodeAt(graph, id).args);
  const keys = op.parts.flatMap((part, index) => {
    const value = roles.parts[index]?.value;
    const rows = segmentsOf(graph, part.axis, part.segment);
    return value === undefined ? [] : staticSegments(dependences, value, rows);
  });
  if (!keys.includes(true) || !keys.includes(false)) return false;
  const rows = segmentsOf(graph, op.query, op.querySegment);
  const queries = staticSegments(dependences, id, rows);
  return rows.every((each, index) => growth.axes.has(each.axis) || queries[index]);
}
