/** Segments that masks name: the rows they are asked of must have them. */

import { type Diagnostic, didYouMean, error, type Label } from "../../grammar/diagnostic.ts";
import type { AxisName } from "../op/axis.ts";
import { type Body, report, type RowSegments } from "./context.ts";
import { showAxis } from "./labels.ts";
import type { RowFacts } from "./value.ts";

/** What segments the rows of `axis` may lie in. */
export function segmentsOfRows(body: Body, axis: AxisName): RowSegments {
  const { rows, axes } = body;
  const root = axes.rows(axis);
  const { segments, lineage } = axes.get(root);
  if (rows.open.has(root)) return { kind: "formal", axis: root };
  const label = showAxis(body, root);
  if (segments.length > 0) {
    return { kind: "known", names: segments.map((each) => each.name), axis: label };
  }
  const part = rows.segmentOf.get(root);
  if (part !== undefined) return segmentsOfRows(body, part.sequence);
  if (lineage.kind === "segment") return segmentsOfRows(body, lineage.of);
  const map = rows.maps.get(root);
  if (map !== undefined) return segmentsOfRows(body, map.from);
  return { kind: "known", names: [], axis: label };
}

/** The one segment that all rows of `axis` lie in, if it is one segment of a sequence. */
export function segmentOfRows(body: Body, axis: AxisName): string | undefined {
  const { rows, axes } = body;
  const root = axes.rows(axis);
  const part = rows.segmentOf.get(root);
  if (part !== undefined) return part.segment;
  const { lineage } = axes.get(root);
  if (lineage.kind === "segment") {
    return lineage.segment === "given" ? segmentOfRows(body, lineage.of) : lineage.segment;
  }
  const map = rows.maps.get(root);
  return map === undefined ? undefined : segmentOfRows(body, map.from);
}

/** Requires that the rows of an attention have the segments that its mask or score names. */
export function requireSegments(
  body: Body,
  facts: RowFacts,
  query: AxisName,
  key: AxisName,
  at: Label,
): void {
  for (const side of ["q", "k"] as const) {
    requireSide(body, facts, side, segmentsOfRows(body, side === "q" ? query : key), at);
  }
}

/** Requires that `rows` have the segments that a mask or score names on one side. */
export function requireSide(
  body: Body,
  facts: RowFacts,
  side: "q" | "k",
  rows: RowSegments,
  at: Label,
): void {
  for (const { segment, span, side: own } of facts.atoms) {
    if (own !== side) continue;
    const label = { span, note: "" };
    if (rows.kind === "known") checkSegment(body, segment, rows, label, at);
    else body.segmentDemands.push({ segment, side, rows, at: label });
  }
  for (const formal of facts.formals) body.segmentDemands.push({ formal, side, rows, at });
}

/** Reports a segment that rows do not have. */
export function checkSegment(
  body: Body,
  segment: string,
  rows: RowSegments & { readonly kind: "known" },
  at: Label,
  use: Label,
): boolean {
  if (rows.names.includes(segment)) return true;
  report(body, noSegment(segment, rows, at, use));
  return false;
}

function noSegment(
  segment: string,
  rows: RowSegments & { readonly kind: "known" },
  at: Label,
  use: Label,
): Diagnostic {
  const list = rows.names.map((name) => `\`${name}\``).join(", ");
  return error("mask/segment", {
    message: `the rows of \`${rows.axis}\` have no segment \`${segment}\``,
    at,
    also: [{ span: use.span, note: use.note || "used here" }],
    hint:
      rows.names.length === 0
        ? `\`${rows.axis}\` is no sequence: declare one, \`sequence S = ${segment}: ${rows.axis}\``
        : (didYouMean(segment, rows.names) ?? `its segments are ${list}`),
  });
}
