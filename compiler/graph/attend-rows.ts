/**
 * Where an attention finds its numbers: strides and offsets of its arguments, and which segment each
 * row belongs to.
 */

import { invariant } from "../../grammar/invariant.ts";
import { type Axis, type AxisName, rowsOf } from "../op/axis.ts";
import { type AttendArguments, attendArguments, type AttendOp, type AttendPart } from "../op/op.ts";
import type { EvaluateContext } from "./evaluate-context.ts";
import { axisAt } from "./graph.ts";
import {
  countOf,
  extentOf,
  type NamedTensor,
  offsetsOf,
  type OffsetTable,
  strided,
  strideOf,
} from "./tensor.ts";

/** An argument: its numbers, the offset of each batch entry, and the strides of its own axes. */
export interface View {
  readonly data: Float64Array;
  /** By batch entry (all query axes but the rows and the contracted one, heads included). */
  readonly bases: Int32Array;
  readonly rowStride: number;
  readonly innerStride: number;
}

/** One key part: its rows and arguments. */
export interface PartRows {
  readonly part: AttendPart;
  readonly rows: number;
  readonly key: View;
  readonly value: View;
  readonly position: View;
  readonly data: ReadonlyMap<number, View>;
  readonly segments: RowSegments;
}

/** All of an attention, ready for loops over batch entries, query rows and key rows. */
export interface AttendRows {
  readonly batchAxes: readonly AxisName[];
  readonly batchShape: readonly number[];
  readonly batch: number;
  readonly rows: number;
  readonly contracted: number;
  readonly valueSize: number;
  readonly query: View;
  readonly queryPosition: View;
  readonly parts: readonly PartRows[];
  readonly data: ReadonlyMap<number, View>;
  /** The arguments themselves. */
  readonly arguments: AttendArguments<NamedTensor>;
  readonly sink: View | undefined;
  readonly segments: RowSegments;
}

/** Prepares the arguments of `op` for plain loops. */
export function attendRows(
  op: AttendOp,
  args: readonly NamedTensor[],
  context: EvaluateContext,
): AttendRows {
  const roles = attendArguments(op, args);
  const { query } = roles;
  const batchAxes = query.axes.filter((axis) => axis !== op.query && axis !== op.contracted);
  const batchShape = batchAxes.map((axis) => extentOf(query, axis));
  const view = (x: NamedTensor, row: AxisName, inner: AxisName): View => ({
    data: x.data,
    bases: offsetsOf(batchAxes.map((axis, i) => batchTable(op, x, axis, batchShape[i] ?? 0))),
    rowStride: strideOf(x, row),
    innerStride: strideOf(x, inner),
  });
  const views = (data: ReadonlyMap<number, NamedTensor>, row: AxisName): Map<number, View> =>
    new Map([...data].map(([index, x]) => [index, view(x, row, row)]));
  const parts = op.parts.map((part, i): PartRows => {
    const role = roles.parts[i];
    invariant(role !== undefined, "an attention lacks an argument");
    return {
      part,
      rows: context.extent(part.axis),
      key: view(role.key, part.axis, op.contracted),
      value: view(role.value, part.axis, op.value),
      position: view(role.position, part.axis, part.axis),
      data: views(role.data, part.axis),
      segments: rowSegments(part.axis, part.segment, context),
    };
  });
  return {
    batchAxes,
    batchShape,
    batch: countOf(batchShape),
    rows: context.extent(op.query),
    contracted: context.extent(op.contracted),
    valueSize: context.extent(op.value),
    query: view(query, op.query, op.contracted),
    queryPosition: view(roles.queryPosition, op.query, op.query),
    parts,
    data: views(roles.data, op.query),
    arguments: roles,
    sink: roles.sink === undefined ? undefined : view(roles.sink, op.query, op.query),
    segments: rowSegments(op.query, op.querySegment, context),
  };
}

/** Query head h reads key head floor(h / (H / G)); other batch axes align by name. */
function batchTable(op: AttendOp, x: NamedTensor, axis: AxisName, size: number): OffsetTable {
  const table = strided(size, strideOf(x, axis));
  if (op.group === undefined || axis !== op.group.query || !x.axes.includes(op.group.key))
    return table;
  const stride = strideOf(x, op.group.key);
  const heads = size / extentOf(x, op.group.key);
  return table.map((offset, head) => offset + Math.floor(head / heads) * stride);
}

/** The rows of an axis by segment. */
export interface RowSegments {
  /** The segment of each row; undefined where the axis belongs to no sequence. */
  readonly segment: readonly (string | undefined)[];
  /** Whether each row was there when generation started. */
  readonly given: readonly boolean[];
}

function rowSegments(
  axis: AxisName,
  known: string | undefined,
  context: EvaluateContext,
): RowSegments {
  const rows = segmentRows(axisAt(context.graph, axis), known, context);
  return { segment: rows.map((row) => row.segment), given: rows.map((row) => row.given) };
}

interface SegmentRow {
  readonly segment: string | undefined;
  readonly given: boolean;
}

function segmentRows(
  axis: Axis,
  known: string | undefined,
  context: EvaluateContext,
): readonly SegmentRow[] {
  const { axes, generation } = context.graph;
  const own = rowsOf(axis, axes);
  if (own.segments.length > 0) {
    return own.segments.flatMap((segment) =>
      segmentRows(axisAt(context.graph, segment.axis), segment.name, context),
    );
  }
  const segment = known ?? (own.lineage.kind === "segment" ? own.lineage.segment : undefined);
  const given = own.name === generation?.axis ? (context.environment.given ?? Infinity) : Infinity;
  return Array.from({ length: context.extent(axis.name) }, (_, row) => ({
    segment,
    given: row < given,
  }));
}

/** The number at a row of a batch entry, `inner` steps along the view's inner axis. */
export function readView(view: View, batch: number, row: number, inner: number): number {
  const base = view.bases[batch] ?? 0;
  return view.data[base + row * view.rowStride + inner * view.innerStride] ?? Number.NaN;
}
