/** What of a mask, as its author wrote it, lets rows that are there see rows that come later. */

import { axisAt, type Graph, type Origin } from "../graph/graph.ts";
import { dataNames } from "../graph/data-names.ts";
import { type Facts, queryFirst, refute } from "../mask/index.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { always } from "../op/predicate.ts";
import { showPredicate } from "../op/show-predicate.ts";
import { ofOneSequence } from "./attend-cells.ts";
import type { UnstablePair } from "./stability.ts";

/**
 * The smallest guilty part of the mask of the attention of `written` that became the one of `pair`,
 * as text; undefined if none is found there.
 */
export function guiltyPart(
  written: Graph,
  { path, span }: Origin,
  pair: UnstablePair,
): string | undefined {
  const isSame = (other: Origin): boolean =>
    other.path === path && other.span.file === span.file && other.span.start === span.start;
  const node = written.nodes.find(({ op, origin }) => op.kind === "attend" && isSame(origin));
  if (node?.op.kind !== "attend") return undefined;
  const { op, args } = node;
  const isSegment = (axis: AxisName, name: string): boolean =>
    rowsOf(axisAt(written, axis), written.axes).segments.some((each) => each.name === name);
  const isLater = pair.breach === "earlier row";
  for (const part of op.parts) {
    const query = isSegment(op.query, pair.query) ? pair.query : op.querySegment;
    const key = isSegment(part.axis, pair.key) ? pair.key : part.segment;
    const facts: Facts = {
      shared: ofOneSequence(written, op.query, part.axis),
      ...(query === undefined ? {} : { querySegment: query }),
      ...(key === undefined ? {} : { keySegment: key }),
      queryGiven: !isLater,
      keyGiven: false,
    };
    const found = refute(part.mask, isLater ? queryFirst : always, facts);
    if (found !== undefined) return showPredicate(found.guilty, dataNames(written, op, args));
  }
  return undefined;
}
