/** Sequences as values: `join`, the rows of a segment, and `x with segment = e`. */

import type { Expr, Name } from "../../grammar/ast.ts";
import { didYouMean } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName, Segment } from "../op/axis.ts";
import { narrowToGiven, sortArguments, tensorOf } from "./arguments.ts";
import { type Body, fail, type Use } from "./context.ts";
import { type Aligned, alignsWell } from "./elementwise.ts";
import { emit } from "./emit.ts";
import { givenAxis } from "./given.ts";
import { axisOf, showAxes, showAxis } from "./labels.ts";
import { sameElements } from "./reshape.ts";
import { findSegment, segmentRows } from "./rows.ts";
import { type Tensor, unknown, type Value } from "./value.ts";

/** `join S(visual = a, text = b)`: the rows of a sequence from those of its segments. */
export function join(body: Body, expr: Expr & { readonly kind: "join" }): Value {
  const sequence = axisOf(body, expr.sequence);
  if (sequence === undefined) return unknown;
  const { segments } = body.axes.get(sequence);
  if (segments.length === 0) {
    return fail(body, "type/sequence", {
      message: `\`${expr.sequence.text}\` is no sequence`,
      at: { span: expr.sequence.span, note: "" },
      hint: `declare it: \`sequence ${expr.sequence.text} = text: T\``,
    });
  }
  const usage = `join ${expr.sequence.text}(${segments.map((each) => `${each.name} = …`).join(", ")})`;
  const names = segments.map((each) => each.name);
  const call = {
    name: "join",
    arguments: expr.arguments,
    span: expr.span,
    nameSpan: expr.sequence.span,
  };
  const sorted = sortArguments(body, call, 0, names, usage);
  if (sorted === undefined) return unknown;
  const parts: Aligned[] = [];
  for (const segment of segments) {
    const argument = sorted.labelled.get(segment.name);
    if (argument === undefined) {
      return fail(body, "call/arguments", {
        message: `\`join\` lacks the segment \`${segment.name}\``,
        at: { span: expr.span, note: "" },
        hint: `write \`${usage}\``,
      });
    }
    const value = tensorOf(body, argument.value, "`join`");
    if (value === undefined) return unknown;
    if (!value.axes.includes(segment.axis))
      return wrongRows(body, value, argument.value.span, segment);
    parts.push({ value, span: argument.value.span });
  }
  return joinParts(body, sequence, parts, expr.span);
}

function wrongRows(
  body: Body,
  value: Tensor,
  span: Span,
  segment: { readonly name: string; readonly axis: AxisName },
): Value {
  const axis = showAxes(body, [segment.axis]).slice(1, -1);
  return fail(body, "shape/segment", {
    message: `the rows of \`${segment.name}\` are \`${axis}\`, which this value does not have`,
    at: { span, note: showAxes(body, value.axes) },
    hint: `give a value over \`${axis}\``,
  });
}

function joinParts(body: Body, into: AxisName, parts: readonly Aligned[], span: Span): Value {
  if (!sameElements(body, parts, "join")) return unknown;
  const { segments } = body.axes.get(into);
  const others = parts.map(({ value, span: at }, index) => ({
    value: { ...value, axes: value.axes.filter((axis) => axis !== segments[index]?.axis) },
    span: at,
  }));
  if (!alignsWell(body, others, {}, "join")) return unknown;
  const axes = segments.map((segment) => segment.axis);
  const values = parts.map((part) => part.value);
  return emit(body, { kind: "join", into, parts: axes }, values, span);
}

/** `x.text`: the rows of one segment; `x.given`: those there when generation started. */
export function rowsOfSegment(body: Body, x: Tensor, name: Name, span: Span): Value {
  const found = findSegment(body, x, name);
  if (found !== undefined) return segmentRows(body, x, found.sequence, found.axis, name.span);
  if (name.text === "given") {
    for (const axis of x.axes) {
      if (!body.rows.tokens.has(axis)) continue;
      const text = `${showAxis(body, axis)}.given`;
      const given = givenAxis(body, { text, span: name.span });
      if (given !== undefined) return narrowToGiven(body, x, given, span);
    }
  }
  return unknownSegment(body, x, name, span);
}

function unknownSegment(body: Body, x: Tensor, name: Name, span: Span): Value {
  const sequences = x.axes.filter((axis) => body.axes.get(axis).segments.length > 0);
  const names = sequences.flatMap((axis) => body.axes.get(axis).segments.map((each) => each.name));
  const [rows] = x.axes;
  const label = rows === undefined ? "S" : showAxis(body, rows);
  return fail(body, "shape/segment", {
    message:
      names.length === 0
        ? `${showAxes(body, x.axes)} has no axis made of segments, so there is no \`${name.text}\` in it`
        : `there is no segment \`${name.text}\` in ${showAxes(body, x.axes)}`,
    at: { span: name.span, note: "" },
    also: [{ span, note: showAxes(body, x.axes) }],
    hint:
      didYouMean(name.text, names) ??
      (names.length === 0
        ? `ask for a sequence with this segment: \`[${label}: {${name.text}}, …]\``
        : `its segments are ${names.map((each) => `\`${each}\``).join(", ")}`),
  });
}

/** `x with text = e`: the rows of one segment replaced, all others kept. */
export function replaceSegment(
  body: Body,
  expr: Expr & { readonly kind: "with" },
  use: Use,
): Value {
  const x = tensorOf(body, expr.target, "`with`", use);
  if (x === undefined) return unknown;
  const found = findSegment(body, x, expr.segment);
  if (found === undefined) return unknownSegment(body, x, expr.segment, expr.target.span);
  const axes = x.axes.map((axis) => (axis === found.sequence ? found.axis : axis));
  const expected = axes.map((axis) => ({ label: showAxis(body, axis), axis }));
  const rows = tensorOf(body, expr.value, "`with`", { expected });
  if (rows === undefined) return unknown;
  const isSame = rows.axes.length === axes.length && axes.every((axis) => rows.axes.includes(axis));
  if (!isSame || rows.element !== x.element) {
    return fail(body, "shape/with", {
      message: `the new rows of \`${expr.segment.text}\` must be ${x.element}s over ${showAxes(body, axes)}`,
      at: { span: expr.value.span, note: `${rows.element} ${showAxes(body, rows.axes)}` },
      also: [{ span: expr.target.span, note: `${x.element} ${showAxes(body, x.axes)}` }],
      hint: `give a value of the shape ${showAxes(body, axes)}`,
    });
  }
  // A formal sequence may have segments that the block does not know: only the type is sure.
  if (body.rows.open.has(found.sequence)) return x;
  return rejoin(body, x, found.sequence, { axis: found.axis, rows }, expr.span);
}

/** `x` with the rows of one of its segments replaced. */
export function rejoin(
  body: Body,
  x: Tensor,
  sequence: AxisName,
  replaced: { readonly axis: AxisName; readonly rows: Tensor },
  span: Span,
): Tensor {
  const { segments } = body.axes.get(sequence);
  const values = segments.map((segment: Segment) =>
    segment.axis === replaced.axis
      ? replaced.rows
      : segmentRows(body, x, sequence, segment.axis, span),
  );
  const parts = segments.map((segment) => segment.axis);
  return emit(body, { kind: "join", into: sequence, parts }, values, span);
}
