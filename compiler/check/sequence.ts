/** `sequence S = visual: V at "<image>", text: T`: rows of several kinds as one axis. */

import type { SegmentExpr, Statement } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Placement, Segment } from "../op/axis.ts";
import { sumOf } from "../op/dimension.ts";
import { type Body, evaluate, fail, report } from "./context.ts";
import { axisOf, breakLabel, isNewLabel, newAxis, showAxes } from "./labels.ts";
import { hasPositions } from "./rows.ts";
import { describe, type Tensor } from "./value.ts";

type SequenceStatement = Statement & { readonly kind: "sequence" };

/** Declares the axis, and where its rows stand: as stated, as before, or as the runtime fills in. */
export function declareSequence(body: Body, statement: SequenceStatement): void {
  const segments = segmentsOf(body, statement);
  if (segments === undefined) {
    breakLabel(body, statement.name.text);
    return;
  }
  if (!isNewLabel(body, statement.name)) body.scope.labels.delete(statement.name.text);
  body.scope.sizes.delete(statement.name.text);
  const size = sumOf(segments.map((segment) => body.axes.size(segment.axis)));
  // Whether the segments stand somewhere already must be asked before they are this one's.
  const before = segments.map((segment) => hasPositions(body, segment.axis));
  const axis = newAxis(body, statement.name, { label: statement.name.text, size, segments });
  for (const { name, axis: own } of segments) {
    if (!body.rows.segmentOf.has(own)) {
      body.rows.segmentOf.set(own, { sequence: axis, segment: name });
    }
  }
  if (statement.positions !== undefined) {
    const positions = statedPositions(body, statement, axis);
    if (positions !== undefined) body.rows.stated.set(axis, positions);
  } else if (before.every((each) => !each)) placeSegments(body, statement, axis, segments);
  else if (!before.every((each) => each)) reportUnplaced(body, statement, before);
}

function segmentsOf(body: Body, statement: SequenceStatement): Segment[] | undefined {
  const seen = new Map<string, SegmentExpr>();
  const segments: Segment[] = [];
  for (const item of statement.segments) {
    const first = seen.get(item.name.text);
    if (first !== undefined) {
      report(
        body,
        error("name/duplicate", {
          message: `the segment \`${item.name.text}\` is declared twice`,
          at: { span: item.name.span, note: "" },
          also: [{ span: first.name.span, note: "first here" }],
          hint: "give one of them another name",
        }),
      );
      return undefined;
    }
    seen.set(item.name.text, item);
    const axis = axisOf(body, item.axis);
    if (axis === undefined) return undefined;
    if (body.axes.get(axis).segments.length > 0) {
      fail(body, "shape/sequence", {
        message: `\`${item.axis.text}\` is a sequence itself`,
        at: { span: item.axis.span, note: "" },
        hint: "list its segments instead",
      });
      return undefined;
    }
    segments.push({ name: item.name.text, axis });
  }
  return segments;
}

function statedPositions(
  body: Body,
  statement: SequenceStatement,
  axis: string,
): Tensor | undefined {
  const expr = statement.positions;
  if (expr === undefined) return undefined;
  const value = evaluate(body, expr, { expected: [{ label: statement.name.text, axis }] });
  if (value.kind === "unknown") return undefined;
  const isFine =
    value.kind === "tensor" &&
    value.element === "int" &&
    value.axes.length === 1 &&
    value.axes[0] === axis;
  if (isFine) return value;
  fail(body, "type/positions", {
    message: `positions are one int for each row of \`${statement.name.text}\``,
    at: {
      span: expr.span,
      note:
        value.kind === "tensor" ? `${value.element}${showAxes(body, value.axes)}` : describe(value),
    },
    hint: `for example \`positions index(${statement.name.text})\``,
  });
  return undefined;
}

/** The runtime knows the prompt: it gives each segment's rows their places. */
function placeSegments(
  body: Body,
  statement: SequenceStatement,
  axis: string,
  segments: readonly Segment[],
): void {
  if (body.rows.open.size > 0) return;
  const placements: Placement[] = [];
  for (const [index, { name, axis: own }] of segments.entries()) {
    const item = statement.segments[index];
    const input = `position.${name}`;
    if ([...body.rows.placed.values()].includes(input)) {
      fail(body, "name/duplicate", {
        message: `two sequences of the prompt have a segment \`${name}\``,
        at: { span: item?.name.span ?? statement.span, note: "" },
        hint: "give one of them another name",
      });
      return;
    }
    body.rows.placed.set(own, input);
    const type = { element: "int", axes: [own] } as const;
    body.graph.addInput({ name: input, role: "position", type, doc: `positions of ${name} rows` });
    const groups = item?.by?.text;
    placements.push({
      segment: name,
      ...(item?.at === undefined ? {} : { placeholder: item.at.text }),
      ...(groups === undefined ? {} : { groups }),
    });
    if (item?.by !== undefined) checkGroups(body, item.by, own);
  }
  body.graph.addSequence({ axis, placements });
}

function checkGroups(
  body: Body,
  by: { text: string; span: SequenceStatement["span"] },
  axis: string,
): void {
  const value = body.scope.values.get(by.text);
  const isFine =
    value?.kind === "tensor" &&
    value.element === "int" &&
    value.axes.length === 1 &&
    value.axes[0] === axis &&
    body.graph.nodeOf(value.id).op.kind === "input";
  if (isFine || value?.kind === "unknown") return;
  fail(body, "type/groups", {
    message: `\`by\` names an int input with one group for each row`,
    at: { span: by.span, note: value === undefined ? "unknown" : describe(value) },
    hint: `declare it: \`input ${by.text}: int[${showAxes(body, [axis]).slice(1, -1)}]\``,
  });
}

function reportUnplaced(
  body: Body,
  statement: SequenceStatement,
  placed: readonly boolean[],
): void {
  const item = statement.segments[placed.indexOf(false)];
  if (body.mode === "generic" && body.rows.open.size > 0) return;
  fail(body, "sequence/positions", {
    message: `the rows of \`${item?.axis.text}\` stand nowhere, while those of other segments do`,
    at: { span: item?.span ?? statement.span, note: "no positions" },
    hint: `state them: \`sequence ${statement.name.text} = … positions e\``,
  });
}
