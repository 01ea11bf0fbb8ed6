/** A call while its caller is checked for all: what the block's own check found, at these sizes. */

import type { TypeExpr } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { Definition } from "../elaborate/program.ts";
import type { AxisName } from "../op/axis.ts";
import { type Dimension, substitute } from "../op/dimension.ts";
import { substituteCondition } from "./condition.ts";
import { type Body, demand, fail, type RowSegments, type SegmentDemand } from "./context.ts";
import { placeholder } from "./emit.ts";
import { findAxis, requireSize, visibleAxes } from "./labels.ts";
import { asSize } from "./number.ts";
import { checkSegment, requireSide, segmentsOfRows } from "./segments.ts";
import type { Signature } from "./signature.ts";
import { unknown, type Value } from "./value.ts";

type Block = Definition & { readonly kind: "block" };

/** The results of `block`, whose formals are bound in `inner`, by its signature. */
export function applySignature(body: Body, inner: Body, block: Block, span: Span): Value {
  const signature = body.signatureOf(block);
  if (signature === undefined) return recursive(body, block, span);
  const values = symbolValues(inner);
  for (const { condition, tell } of signature.demands) {
    const here = substituteCondition(condition, values);
    const isMet = demand(body, here, (show) => {
      const told = tell((size) => show(substitute(size, values)));
      const line = { span: told.at.span, note: told.at.note || "asked for here" };
      return { ...told, at: { span, note: "in this call" }, also: [line, ...told.also] };
    });
    if (!isMet) return unknown;
  }
  for (const each of signature.segmentDemands) requireSegmentsAt(body, inner, each, span);
  if (!sizeResults(body, inner, signature, values, span)) return unknown;
  const results = block.declaration.results.map((type) => resultOf(body, inner, type, span));
  const [only, more] = results;
  if (only === undefined) return unknown;
  return more === undefined ? only : { kind: "several", values: results };
}

function recursive(body: Body, block: Block, span: Span): Value {
  const { name } = block.declaration;
  return fail(body, "name/recursive", {
    message: `\`${name.text}\` calls itself, so it would never end`,
    at: { span, note: "" },
    also: [{ span: name.span, note: "declared here" }],
    hint: "repeat with `for l in 0..L { … }`",
  });
}

/** What each symbol of the block's check is at this call. */
function symbolValues(inner: Body): ReadonlyMap<string, Dimension> {
  const { sizes, labels, values } = inner.scope;
  const found = new Map(sizes);
  for (const [label, axis] of labels) {
    for (const segment of inner.axes.get(axis).segments) {
      found.set(`${label}.${segment.name}`, inner.axes.size(segment.axis));
    }
  }
  for (const [name, value] of values) {
    const size = asSize(value);
    if (size !== undefined) found.set(name, size);
  }
  return found;
}

function requireSegmentsAt(body: Body, inner: Body, wanted: SegmentDemand, span: Span): void {
  const rows = rowsAt(body, inner, wanted.rows);
  if (rows === undefined) return;
  const use = { span, note: "in this call" };
  if (wanted.segment !== undefined) {
    if (rows.kind === "known") checkSegment(body, wanted.segment, rows, wanted.at, use);
    else body.segmentDemands.push({ ...wanted, rows });
  }
  const value = wanted.formal === undefined ? undefined : inner.scope.values.get(wanted.formal);
  if (value?.kind === "mask" || value?.kind === "score") {
    requireSide(body, value, wanted.side, rows, use);
  }
}

/** Rows of a formal axis, by its label, as the caller knows them. */
function rowsAt(body: Body, inner: Body, rows: RowSegments): RowSegments | undefined {
  if (rows.kind === "known") return rows;
  const axis = inner.scope.labels.get(rows.axis);
  return axis === undefined ? undefined : segmentsOfRows(body, axis);
}

/** Finds the axis of every label that only the result has. */
function sizeResults(
  body: Body,
  inner: Body,
  signature: Signature,
  values: ReadonlyMap<string, Dimension>,
  span: Span,
): boolean {
  for (const [label, wanted] of inner.scope.wanted) {
    const own = signature.sizes.get(label);
    const size = own && substitute(own, values);
    const isFree = signature.sizedByCaller.has(label);
    const name = { text: wanted.label, span };
    const axis =
      wanted.axis ??
      (isFree && body.scope.wanted.has(name.text) ? findAxis(body, name) : undefined);
    if (axis === undefined && (isFree || size === undefined)) {
      return unsized(body, label, isFree, span);
    }
    if (axis !== undefined && !isFree && size !== undefined) {
      if (!requireSize(body, span, label, size, body.axes.size(axis))) return false;
    }
    if (axis !== undefined) inner.scope.labels.set(label, axis);
    else if (size !== undefined) inner.scope.labels.set(label, freshAxis(body, wanted.label, size));
  }
  return true;
}

function freshAxis(body: Body, label: string, size: Dimension): AxisName {
  const axis = body.axes.intern({ label, size }, visibleAxes(body));
  body.scope.avoid.add(axis);
  return axis;
}

/** An axis that neither the block nor the caller sizes; a broken block has been reported. */
function unsized(body: Body, label: string, isFree: boolean, span: Span): boolean {
  if (!isFree) return false;
  demand(body, { kind: "constant", value: false }, () =>
    error("shape/unsized", {
      message: `nothing says which axis \`${label}\` of the result is`,
      at: { span, note: "" },
      hint: `bind it with its shape, for example \`y: [.., ${label}] = …\` with an axis of yours`,
    }),
  );
  return false;
}

function resultOf(body: Body, inner: Body, type: TypeExpr, span: Span): Value {
  if (type.kind === "named") {
    const isScalar = type.name === "int" || type.name === "float" || type.name === "bool";
    return isScalar ? placeholder(body, type.name, [], span) : unknown;
  }
  const axes: AxisName[] = type.lifts ? [...inner.scope.lifted] : [];
  for (const { name } of type.axes) {
    const axis = inner.scope.labels.get(name.text);
    if (axis === undefined) return unknown;
    axes.push(axis);
  }
  if (new Set(axes).size < axes.length) {
    return fail(body, "shape/repeated", {
      message: "the result would have an axis twice",
      at: { span, note: axes.map((axis) => body.axes.get(axis).label).join(", ") },
      hint: "rename an axis of an argument: `x[S as K]`",
    });
  }
  return placeholder(body, type.element === "token" ? "int" : type.element, axes, span);
}
