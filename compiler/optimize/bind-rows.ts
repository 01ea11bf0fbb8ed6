/** Splits attention where its mask or what its rows depend on makes segments differ. */

import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import { type QueryCells, segmentsOf } from "../phase/attend-cells.ts";
import {
  bindsApart,
  type Dependences,
  dependencesOf,
  staticSegments,
} from "../phase/dependence.ts";
import { type Growth, growthOf } from "../phase/growth.ts";
import { narrowRows } from "./narrow-rows.ts";
import { type SplitGraph, splitSegments } from "./split-segments.ts";

/**
 * Splits the attentions where that pays: some segment's rows see nothing, or only themselves, or no
 * row of some key segment; or all query rows but those that grow are static, and so are the rows of
 * some key segment, which a phase can then keep. Elsewhere (a plain causal mask) the segments stay one
 * sequence, so that their rows share matrix products.
 */
export function splitWherePays(graph: Graph): Graph {
  return splitBound(graph, (cells) => maskParts(cells))?.graph ?? graph;
}

/**
 * Computes only the rows that are read, and static rows apart from those that depend on tokens.
 * Where that leaves an attention with growing queries alone, its static keys come apart as well.
 */
export function narrowBound(graph: Graph): Graph {
  const dependences = dependencesOf(graph);
  const narrow = narrowRows(graph, (id, axis) => bindsApart(dependences, id, axis));
  const split = splitBound(narrow, () => false);
  return split === undefined ? narrow : narrowBound(split.graph);
}

/** `graph` with the attentions split that `also` asks for or whose segments bind apart, if any. */
function splitBound(
  graph: Graph,
  also: (cells: readonly QueryCells[]) => boolean,
): SplitGraph | undefined {
  const growth = growthOf(graph);
  const joined = graph.nodes.filter(({ op }) => op.kind === "attend" && isJoined(graph, op));
  if (joined.length === 0) return undefined;
  const dependences = dependencesOf(graph);
  let any = false;
  const split = splitSegments(graph, (id, op, cells) => {
    const splits =
      isJoined(graph, op) && (also(cells) || bindsRows(graph, growth, dependences, id, op));
    any ||= splits;
    return splits;
  });
  return any ? split : undefined;
}

/** Whether the queries or some keys of an attention are several segments. */
function isJoined(graph: Graph, op: AttendOp): boolean {
  return [op.query, ...op.parts.map((part) => part.axis)].some(
    (axis) => segmentsOf(graph, axis).length > 1,
  );
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
