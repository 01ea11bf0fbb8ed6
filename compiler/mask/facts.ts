/**
 * What is known about every query row and key row of one pair of row sets, before any position is
 * known. Positions are integers from 0 on, rise with the row within a segment and never repeat in a
 * sequence. Between two segments their order is unknown, since a prompt interleaves them.
 */

import { between, everything, type IntegerSet, intersect, unionOf } from "./integer-set.ts";

/** The facts about a pair (query rows, key rows). What is absent is not known. */
export interface Facts {
  /** The segment that holds every query row. */
  readonly querySegment?: string;
  /** The segment that holds every key row. */
  readonly keySegment?: string;
  /** Query and key rows are rows of one sequence: equal position means the same row. */
  readonly shared: boolean;
  /**
   * Every query row was there when generation started (true), or none was (false). A new row stands
   * after every given row and after every row of the other segments.
   */
  readonly queryGiven?: boolean;
  /** The same of the key rows. */
  readonly keyGiven?: boolean;
}

/** Nothing is known: any rows of any two axes. */
export const nothingKnown: Facts = { shared: false };

/** The differences `q - k` of positions that `facts` allow. */
export function possibleDifferences(facts: Facts): IntegerSet {
  if (!facts.shared) return everything;
  const { querySegment, keySegment, queryGiven, keyGiven } = facts;
  const apart =
    querySegment !== undefined && keySegment !== undefined && querySegment !== keySegment;
  let possible = everything;
  if (apart)
    possible = unionOf([
      { low: -Infinity, high: -1 },
      { low: 1, high: Infinity },
    ]);
  // Only one segment grows: a new row and a row of another segment are in the order of the first.
  if (queryGiven === false && (keyGiven === true || (apart && keyGiven === undefined)))
    possible = intersect(possible, between(1, Infinity));
  if (keyGiven === false && (queryGiven === true || (apart && queryGiven === undefined)))
    possible = intersect(possible, between(-Infinity, -1));
  return possible;
}
