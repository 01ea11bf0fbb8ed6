/**
 * The mask of an attention by pairs (query segment, key segment): what it is there, and what that
 * means for the query rows of a segment as a whole. An analysis: it changes nothing.
 */

import { axisAt, type Graph } from "../graph/graph.ts";
import { type Growth, growthOf } from "./growth.ts";
import type { Facts } from "../mask/facts.ts";
import { simplify } from "../mask/simplify.ts";
import { type RowVerdict, rowVerdict, type Verdict, verdictOf } from "../mask/verdict.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { constant, type Dimension, add } from "../op/dimension.ts";
import type { AttendOp } from "../op/op.ts";
import type { Predicate } from "../op/predicate.ts";
import { showPredicate } from "../op/show-predicate.ts";

/** Rows of one segment of a query or key axis; all rows of an axis that is no sequence. */
export interface SegmentRows {
  /** The axis that the attention has. */
  readonly of: AxisName;
  /** The segment's own axis; `of` itself if these are all of its rows. */
  readonly axis: AxisName;
  /** The segment's name in masks, if the rows are one. */
  readonly segment?: string;
  /** The first of these rows in `of`. */
  readonly start: Dimension;
  readonly size: Dimension;
}

/** Key rows, with the part of the attention that they belong to. */
export interface KeyRows extends SegmentRows {
  readonly part: number;
}

/** The mask for one pair of segments. */
export interface Cell {
  readonly keys: KeyRows;
  readonly facts: Facts;
  /** The mask, simplified under `facts`. */
  readonly mask: Predicate;
  readonly verdict: Verdict;
}

/** The query rows of one segment: what they see, and what their attention is. */
export interface QueryCells {
  readonly rows: SegmentRows;
  readonly cells: readonly Cell[];
  /**
   * `identity`: the attention of a row is the row's own value (of `part`, an index into `cells`).
   * Given only where the normalisation, the score and the result asked for allow it.
   */
  readonly verdict: RowVerdict;
}

/** The cells of a graph's attentions: equal attentions, as equal layers have, are analysed once. */
export class AttendCells {
  readonly #graph: Graph;
  readonly #growing: ReadonlySet<AxisName>;
  readonly #known: Map<string, readonly QueryCells[]> = new Map();

  /** Analyses attentions over the axes of `graph`. */
  constructor(graph: Graph) {
    this.#graph = graph;
    this.#growing = growthOf(graph).axes;
  }

  /** The cells of `op`, query segments in storage order; the same list for equal attentions. */
  of(op: AttendOp): readonly QueryCells[] {
    const { query, querySegment, parts, normalize, sink, score, result } = op;
    const masks = parts.map(({ axis, segment, mask }) => [axis, segment, showPredicate(mask)]);
    const finite = score === undefined;
    const key = JSON.stringify([query, querySegment, masks, normalize, sink, finite, result]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const cells = attendCells(this.#graph, op, this.#growing);
    this.#known.set(key, cells);
    return cells;
  }
}

function attendCells(
  graph: Graph,
  op: AttendOp,
  growing: ReadonlySet<AxisName>,
): readonly QueryCells[] {
  const keys = op.parts.flatMap((part, index) =>
    segmentsOf(graph, part.axis, part.segment).map((rows): KeyRows => ({ ...rows, part: index })),
  );
  return segmentsOf(graph, op.query, op.querySegment).map((rows) => {
    const cells = keys.map((key) => cellOf(graph, op, rows, key, growing));
    return { rows, cells, verdict: verdictOfRows(graph, op, rows, cells) };
  });
}

/** The rows of an axis by segment: one entry if it is no sequence. */
export function segmentsOf(graph: Graph, name: AxisName, known?: string): readonly SegmentRows[] {
  const axis = axisAt(graph, name);
  const { segments } = axis.segments.length > 0 ? axis : rowsOf(axis, graph.axes);
  if (segments.length === 0) {
    const segment = known ?? ownSegment(graph, name);
    const rows = { of: name, axis: name, start: constant(0), size: axis.size };
    return [segment === undefined ? rows : { ...rows, segment }];
  }
  let start = constant(0);
  return segments.map((each) => {
    const { size } = axisAt(graph, each.axis);
    const rows = { of: name, axis: each.axis, segment: each.name, start, size };
    start = add(start, size);
    return rows;
  });
}

/** Whether an attention has a sequence on a side, some segment of which grows. */
export function isJoined(graph: Graph, growth: Growth, op: AttendOp): boolean {
  const sides = [op.query, ...op.parts.map((part) => part.axis)];
  return sides.some(
    (axis) =>
      growth.axes.has(axis) && segmentsOf(graph, axis).some((rows) => rows.axis !== rows.of),
  );
}

/** The segment that all rows of an axis lie in by their lineage. */
function ownSegment(graph: Graph, name: AxisName): string | undefined {
  const { lineage } = rowsOf(axisAt(graph, name), graph.axes);
  if (lineage.kind !== "segment") return undefined;
  const whole = axisAt(graph, lineage.of);
  return whole.segments.length > 0 ? lineage.segment : ownSegment(graph, whole.name);
}

/** Whether an axis is the given rows of another (`T.given`). */
export function isGivenRows(graph: Graph, name: AxisName): boolean {
  const { lineage } = rowsOf(axisAt(graph, name), graph.axes);
  return lineage.kind === "segment" && axisAt(graph, lineage.of).segments.length === 0;
}

/** The axis that has the rows of `name`, the given ones with the new ones. */
function wholeRows(graph: Graph, name: AxisName): AxisName {
  const rows = rowsOf(axisAt(graph, name), graph.axes);
  const given = rows.lineage.kind === "segment" && isGivenRows(graph, rows.name);
  return given && rows.lineage.kind === "segment" ? wholeRows(graph, rows.lineage.of) : rows.name;
}

function cellOf(
  graph: Graph,
  op: AttendOp,
  rows: SegmentRows,
  keys: KeyRows,
  growing: ReadonlySet<AxisName>,
): Cell {
  // Rows that never grow were all there when generation started.
  const facts: Facts = {
    ...(growing.has(rows.axis) ? {} : { queryGiven: true }),
    ...(growing.has(keys.axis) ? {} : { keyGiven: true }),
    ...(rows.segment === undefined ? {} : { querySegment: rows.segment }),
    ...(keys.segment === undefined ? {} : { keySegment: keys.segment }),
    shared: ofOneSequence(graph, rows.axis, keys.axis),
  };
  const mask = simplify(op.parts[keys.part]?.mask ?? { kind: "constant", value: true }, facts);
  return { keys, facts, mask, verdict: verdictOf(mask, facts) };
}

/** Whether two axes have the rows of one sequence, so that equal positions mean the same row. */
export function ofOneSequence(graph: Graph, left: AxisName, right: AxisName): boolean {
  const a = wholeRows(graph, left);
  const b = wholeRows(graph, right);
  if (a === b) return true;
  for (const axis of graph.axes.values()) {
    const rows = new Set([
      rowsOf(axis, graph.axes).name,
      ...axis.segments.map((each) => each.axis),
    ]);
    if (axis.segments.length > 0 && rows.has(a) && rows.has(b)) return true;
  }
  return false;
}

/** Whether two axes are the same rows, all of them, in the same order. */
function sameRows(graph: Graph, left: AxisName, right: AxisName): boolean {
  return (
    rowsOf(axisAt(graph, left), graph.axes).name === rowsOf(axisAt(graph, right), graph.axes).name
  );
}

function verdictOfRows(
  graph: Graph,
  op: AttendOp,
  rows: SegmentRows,
  cells: readonly Cell[],
): RowVerdict {
  const verdict = rowVerdict(
    cells.map(({ keys, verdict: each }) => ({
      verdict: each,
      own: sameRows(graph, rows.axis, keys.axis),
    })),
  );
  const live = [...cells.keys()].filter((index) => cells[index]?.verdict.kind !== "none");
  if (verdict.kind === "zeros")
    // The log-sum-exp of no keys is -∞, and a sink takes part without any key.
    return op.result === "log_sum_exp" ? { kind: "attend", live } : verdict;
  if (verdict.kind !== "identity") return verdict;
  const itself =
    op.normalize === "softmax" && !op.sink && op.score === undefined && op.result === "output";
  return itself ? verdict : { kind: "attend", live };
}
