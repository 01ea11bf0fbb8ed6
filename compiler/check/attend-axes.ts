/** Which axis of an attention's query and key plays which part. */

import type { Expr } from "../../grammar/ast.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import { type Body, fail } from "./context.ts";
import { axisOf, showAxes, showAxis } from "./labels.ts";
import { hasPositions } from "./rows.ts";
import type { Tensor } from "./value.ts";

/** The axes of an attention by their part; all others of the query are batch. */
export interface AttendAxes {
  readonly query: AxisName;
  readonly key: AxisName;
  /** The last axis of `k`. */
  readonly contracted: AxisName;
  /** The last axis of `v`. */
  readonly value: AxisName;
  /** Query heads and the key heads that they share. */
  readonly group?: { readonly query: AxisName; readonly key: AxisName };
}

/** The tensors of an attention. */
export interface AttendTensors {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/**
 * Finds the parts. Of two axes that only the query has, the rows are those that `rows` names, else
 * those that are the key's rows under another name, else those that stand in a prompt, else those
 * whose size changes from run to run, else the first; the other one is the heads.
 */
export function findAttendAxes(
  body: Body,
  { q, k, v }: AttendTensors,
  key: AxisName,
  rows: Expr | undefined,
  span: Span,
): AttendAxes | undefined {
  const contracted = k.axes.at(-1);
  const value = v.axes.at(-1);
  if (contracted === undefined || value === undefined || contracted === key || value === key) {
    return wrong(body, span, "the last axis of `k` and of `v` is the head's size, not the rows", {
      q,
      k,
      v,
    });
  }
  if (!q.axes.includes(contracted)) {
    const name = showAxis(body, contracted);
    return wrong(body, span, `the query lacks \`${name}\`, the last axis of \`k\``, { q, k, v });
  }
  const onlyQuery = q.axes.filter((axis) => !k.axes.includes(axis));
  const onlyKey = k.axes.filter((axis) => axis !== key && !q.axes.includes(axis));
  if (onlyKey.length > 1 || onlyQuery.length !== onlyKey.length + 1) {
    return wrong(
      body,
      span,
      "besides the rows, at most one axis of `q` (heads) pairs with one of `k` (key heads)",
      { q, k, v },
    );
  }
  const query = rowsOfQuery(body, onlyQuery, key, rows);
  if (query === undefined) return undefined;
  const heads = onlyQuery.find((axis) => axis !== query);
  const [keyHeads] = onlyKey;
  const stray = v.axes.find((axis) => axis !== key && axis !== value && !k.axes.includes(axis));
  if (stray !== undefined || q.axes.includes(key)) {
    const name = showAxis(body, stray ?? key);
    const message =
      stray === undefined
        ? `the query has \`${name}\`, the axis of the keys`
        : `the values have \`${name}\`, which the keys lack`;
    return wrong(body, span, message, { q, k, v });
  }
  const group =
    heads !== undefined && keyHeads !== undefined ? { query: heads, key: keyHeads } : undefined;
  return { query, key, contracted, value, ...(group === undefined ? {} : { group }) };
}

function rowsOfQuery(
  body: Body,
  candidates: readonly AxisName[],
  key: AxisName,
  rows: Expr | undefined,
): AxisName | undefined {
  if (rows === undefined) {
    const same = candidates.find((axis) => body.axes.rows(axis) === body.axes.rows(key));
    const placed = candidates.find((axis) => hasPositions(body, axis));
    const running = candidates.find((axis) => body.isRuntime(body.axes.size(axis)) === true);
    return same ?? placed ?? running ?? candidates[0];
  }
  const axis =
    rows.kind === "name" ? axisOf(body, { text: rows.text, span: rows.span }) : undefined;
  if (axis !== undefined && candidates.includes(axis)) return axis;
  if (axis !== undefined || rows.kind !== "name") {
    fail(body, "shape/attend", {
      message: "`rows` names the axis of the query's rows, which the keys lack",
      at: { span: rows.span, note: "" },
      hint: `write \`rows = ${candidates.map((each) => showAxis(body, each)).join("` or `rows = ")}\``,
    });
  }
  return undefined;
}

function wrong(body: Body, span: Span, message: string, { q, k, v }: AttendTensors): undefined {
  const note = `q ${showAxes(body, q.axes)}, k ${showAxes(body, k.axes)}, v ${showAxes(body, v.axes)}`;
  fail(body, "shape/attend", {
    message,
    at: { span, note },
    hint: "the usual shapes are q `[S, H, E]`, k and v `[K, G, E]`; rename the key rows: `k[S as K]`",
  });
  return undefined;
}
