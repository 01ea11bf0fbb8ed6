/** Token data of masks and scores, brought to the axes of the attention that reads it. */

import { union } from "../graph/result-type.ts";
import type { AxisName } from "../op/axis.ts";
import type { Score } from "../op/predicate.ts";
import type { AttendAxes } from "./attend-axes.ts";
import { type Body, fail } from "./context.ts";
import { emit, rename } from "./emit.ts";
import { showAxes, showAxis } from "./labels.ts";
import { segmentRows } from "./rows.ts";
import type { DataUse, RowFacts, ScoreValue, Tensor } from "./value.ts";

/**
 * Each data use over the attention's own axes, by its number: `[q]` and `[k]` pick the rows, other
 * axes align by name. Reports data that cannot be aligned.
 */
export function alignData(
  body: Body,
  facts: RowFacts,
  axes: AttendAxes,
  q: Tensor,
  k: Tensor,
  score: ScoreValue | undefined,
  at: (index: number) => number,
): ReadonlyMap<number, Tensor> | undefined {
  const free = union([q.axes, k.axes]).filter(
    (axis) => axis !== axes.query && axis !== axes.key && axis !== axes.contracted,
  );
  const looked = new Map<number, string>();
  if (score !== undefined) collectLookups(score.score, at, looked);
  const aligned = new Map<number, Tensor>();
  for (const [index, use] of facts.data.entries()) {
    const rows = use.side === "q" ? axes.query : use.side === "k" ? axes.key : undefined;
    const value = alignUse(body, use, rows, free, looked.get(index));
    if (value === undefined) return undefined;
    aligned.set(index, value);
  }
  return aligned;
}

/** The axis along which each looked-up data use is indexed. */
function collectLookups(
  score: Score,
  at: (index: number) => number,
  into: Map<number, string>,
): void {
  switch (score.kind) {
    case "lookup":
      into.set(at(score.index), score.axis);
      break;
    case "unary":
      collectLookups(score.operand, at, into);
      break;
    case "binary":
      collectLookups(score.left, at, into);
      collectLookups(score.right, at, into);
      break;
    case "where":
      collectLookups(score.then, at, into);
      collectLookups(score.otherwise, at, into);
      break;
    default:
  }
}

function alignUse(
  body: Body,
  use: DataUse,
  rows: AxisName | undefined,
  free: readonly AxisName[],
  looked: AxisName | undefined,
): Tensor | undefined {
  let value = use.value;
  let rowAxis: AxisName | undefined;
  if (rows !== undefined) {
    for (const axis of value.axes) {
      const converted = toRows(body, value, axis, rows, use);
      if (converted === undefined) continue;
      value = converted;
      rowAxis = rows;
      break;
    }
    if (rowAxis === undefined) return misaligned(body, use, rows, free);
  }
  for (const [index, axis] of use.value.axes.entries()) {
    const isRow = !value.axes.includes(axis) || axis === rowAxis;
    if (isRow || axis === looked || use.table?.includes(axis) === true) continue;
    if (free.includes(axis)) continue;
    const label = use.labels[index];
    const target = free.find((each) => body.axes.get(each).label === label);
    if (target === undefined || body.axes.size(target).key !== body.axes.size(axis).key) {
      return misaligned(body, use, rows, free);
    }
    value = rename(body, value, axis, target, use.span);
  }
  return value;
}

/** `value` over the rows `to`, if its axis `from` has those rows. */
function toRows(
  body: Body,
  value: Tensor,
  from: AxisName,
  to: AxisName,
  use: DataUse,
): Tensor | undefined {
  if (from === to) return value;
  if (body.axes.rows(from) === body.axes.rows(to)) return rename(body, value, from, to, use.span);
  const root = body.axes.rows(to);
  const part = body.axes.get(from).segments.find((segment) => segment.axis === root);
  if (part !== undefined) {
    const narrowed = segmentRows(body, value, from, part.axis, use.span);
    return rename(body, narrowed, part.axis, to, use.span);
  }
  const map = body.rows.maps.get(root);
  if (map?.kind !== "select" || body.axes.rows(from) !== body.axes.rows(map.from)) return undefined;
  const op = { kind: "select", axis: map.from, padded: false } as const;
  const picked = emit(
    body,
    op,
    [rename(body, value, from, map.from, use.span), map.index],
    use.span,
  );
  return rename(body, picked, root, to, use.span);
}

function misaligned(
  body: Body,
  use: DataUse,
  rows: AxisName | undefined,
  free: readonly AxisName[],
): undefined {
  const wanted = rows === undefined ? free : [rows, ...free];
  fail(body, "mask/data", {
    message: `this data is over ${showAxes(body, use.value.axes)}, the attention is over ${showAxes(body, wanted)}`,
    at: { span: use.span, note: "" },
    hint:
      rows === undefined
        ? "data without `[q]` or `[k]` has axes of the heads or the batch, with the same names"
        : `give data over \`${showAxis(body, rows)}\``,
  });
  return undefined;
}
