/** Where rows stand: positions follow from the sequence, the segment or the rows an axis comes from. */

import type { Name } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { constant, sumOf } from "../op/dimension.ts";
import { type Body, fail } from "./context.ts";
import { emit, rename } from "./emit.ts";
import { below } from "./range.ts";
import type { RowMap } from "./row-table.ts";
import type { Tensor } from "./value.ts";

/** Whether the rows of `axis` stand somewhere in a prompt, rather than being counted from 0. */
export function hasPositions(body: Body, axis: AxisName): boolean {
  const { rows } = body;
  const { lineage, segments } = body.axes.get(axis);
  if (segments.length > 0 || rows.segmentOf.has(axis) || rows.stated.has(axis)) return true;
  if (lineage.kind === "renamed") return hasPositions(body, lineage.from);
  if (lineage.kind === "segment") return hasPositions(body, lineage.of);
  const map = rows.maps.get(axis);
  return map !== undefined && hasPositions(body, map.from);
}

/** Records which rows of another axis those of `axis` are; false if others were recorded before. */
export function recordMap(body: Body, axis: AxisName, map: RowMap): boolean {
  const known = body.rows.maps.get(axis);
  if (known === undefined) body.rows.maps.set(axis, map);
  return known === undefined || sameMap(known, map);
}

/** As `recordMap`; an axis that stands for different rows has no positions from then on. */
export function recordRows(body: Body, axis: AxisName, map: RowMap): void {
  if (recordMap(body, axis, map)) return;
  body.rows.maps.set(axis, { kind: "ambiguous", from: map.from });
}

function sameMap(a: RowMap, b: RowMap): boolean {
  if (a.from !== b.from) return false;
  if (a.kind === "select") return b.kind === "select" && a.index.id === b.index.id;
  if (a.kind === "slice") return b.kind === "slice" && a.start.key === b.start.key;
  return b.kind === "ambiguous";
}

/** `position(axis)`: an int for each row. */
export function positionsOf(body: Body, axis: AxisName, span: Span): Tensor {
  const { rows } = body;
  const stated = rows.stated.get(axis);
  if (stated !== undefined) return stated;
  const { lineage, segments } = body.axes.get(axis);
  if (lineage.kind === "renamed") {
    return rename(body, positionsOf(body, lineage.from, span), lineage.from, axis, span);
  }
  if (segments.length > 0) return joinPositions(body, axis, span);
  const input = rows.placed.get(axis);
  if (input !== undefined)
    return emit(body, { kind: "input", name: input, role: "position" }, [], span);
  const segment = rows.segmentOf.get(axis);
  // A sequence without stated positions has those of its segments: asking it would go in a circle.
  if (segment !== undefined && rows.stated.has(segment.sequence))
    return segmentRows(
      body,
      positionsOf(body, segment.sequence, span),
      segment.sequence,
      axis,
      span,
    );
  if (lineage.kind === "segment") {
    return segmentRows(body, positionsOf(body, lineage.of, span), lineage.of, axis, span);
  }
  const map = rows.maps.get(axis);
  if (map !== undefined && hasPositions(body, map.from)) return mapped(body, axis, map, span);
  return emit(body, { kind: "index", axis }, [], span, below(body.axes.size(axis)));
}

function joinPositions(body: Body, axis: AxisName, span: Span): Tensor {
  const parts = body.axes.get(axis).segments.map((segment) => segment.axis);
  const positions = parts.map((part) => positionsOf(body, part, span));
  return emit(body, { kind: "join", into: axis, parts }, positions, span);
}

function mapped(body: Body, axis: AxisName, map: RowMap, span: Span): Tensor {
  if (map.kind === "ambiguous") return ambiguous(body, axis, span);
  const positions = positionsOf(body, map.from, span);
  if (map.kind === "slice") {
    const op = { kind: "slice", axis: map.from, start: map.start, into: axis } as const;
    return emit(body, op, [positions], span);
  }
  const op = { kind: "select", axis: map.from, padded: false } as const;
  return emit(body, op, [positions, map.index], span);
}

function ambiguous(body: Body, axis: AxisName, span: Span): Tensor {
  const { label } = body.axes.get(axis);
  fail(body, "sequence/ambiguous", {
    message: `\`${label}\` stands for different rows in different values, so its positions are not known`,
    at: { span, note: "" },
    hint: `give each of them an axis of its own, or state them: \`sequence R = rows: ${label} positions e\``,
  });
  return emit(body, { kind: "index", axis }, [], span);
}

/** The rows of `x` that a segment of its axis `sequence` has; `axis` is the segment's own axis. */
export function segmentRows(
  body: Body,
  x: Tensor,
  sequence: AxisName,
  axis: AxisName,
  span: Span,
): Tensor {
  const { segments } = body.axes.get(sequence);
  const index = segments.findIndex((segment) => segment.axis === axis);
  const before = segments.slice(0, Math.max(0, index));
  // Of an open sequence the rows before are not known; its nodes are never run.
  const start = body.rows.open.has(sequence)
    ? constant(0)
    : sumOf(before.map((segment) => body.axes.size(segment.axis)));
  return emit(body, { kind: "slice", axis: sequence, start, into: axis }, [x], span, x.range);
}

/** The segment called `name` of some axis of `x`, if there is one. */
export function findSegment(
  body: Body,
  x: Tensor,
  name: Name,
): { readonly sequence: AxisName; readonly axis: AxisName } | undefined {
  for (const sequence of x.axes) {
    const found = body.axes.get(sequence).segments.find((each) => each.name === name.text);
    if (found !== undefined) return { sequence, axis: found.axis };
  }
  return undefined;
}
