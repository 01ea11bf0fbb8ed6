/** What of a mask, as its author wrote it, lets rows that are there see rows that come later. */

import { cover, type Span } from "../../grammar/source.ts";
import { axisAt, type Graph, type Origin } from "../graph/graph.ts";
import { dataNames } from "../graph/data-names.ts";
import { type Facts, queryFirst, refute } from "../mask/index.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { always, type Predicate } from "../op/predicate.ts";
import { showPredicate } from "../op/show-predicate.ts";
import { ofOneSequence } from "./attend-cells.ts";
import type { UnstablePair } from "./stability.ts";

/** A part of a mask. */
export interface GuiltyPart {
  /** As a predicate shows itself. */
  readonly text: string;
  /** Where it is written, if that is one place. */
  readonly span: Span | undefined;
}

/**
 * The smallest guilty part of the mask of the attention of `written` that became the one of `pair`;
 * undefined if none is found there.
 */
export function guiltyPart(
  written: Graph,
  { path, span }: Origin,
  pair: UnstablePair,
): GuiltyPart | undefined {
  const isSame = (other: Origin): boolean =>
    other.path === path && other.span.file === span.file && other.span.start === span.start;
  const node = written.nodes.find(({ op, origin }) => op.kind === "attend" && isSame(origin));
  if (node?.op.kind !== "attend") return undefined;
  const { op, args, origin } = node;
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
    if (found === undefined) continue;
    const { guilty } = found;
    const text = showPredicate(guilty, dataNames(written, op, args, origin.data));
    return { text, span: spanOf(part.mask, guilty, origin.mask ?? []) };
  }
  return undefined;
}

/** Where `part` of `mask` is written, given the places of the mask's leaves. */
function spanOf(mask: Predicate, part: Predicate, leaves: readonly Span[]): Span | undefined {
  const all = leavesOf(mask);
  const own = leavesOf(part);
  const [start] = own;
  const from = start === undefined ? -1 : all.indexOf(start);
  const [first, last] = [leaves[from], leaves[from + own.length - 1]];
  if (all.length !== leaves.length || first === undefined || last === undefined) return undefined;
  return first.file === last.file && first.start <= last.start ? cover(first, last) : undefined;
}

function leavesOf(predicate: Predicate): readonly Predicate[] {
  switch (predicate.kind) {
    case "not":
      return leavesOf(predicate.operand);
    case "and":
    case "or":
      return predicate.operands.flatMap(leavesOf);
    default:
      return [predicate];
  }
}
