/**
 * Sets of integers as unions of intervals. Every comparison of a linear term with a constant says
 * that the term lies in such a set, so connectives over one term are set operations and exact.
 */

/** The integers from `low` to `high`, both included; `-Infinity` and `Infinity` stand for no end. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Disjoint intervals in rising order, none empty and no two adjacent: equal sets are equal data. */
export type IntegerSet = readonly Interval[];

/** No integer. */
export const nothing: IntegerSet = [];
/** Every integer. */
export const everything: IntegerSet = [{ low: -Infinity, high: Infinity }];

/** The integers from `low` to `high`; none if `low` is larger. */
export function between(low: number, high: number): IntegerSet {
  return low > high ? nothing : [{ low, high }];
}

/** The integers in any of `intervals`, which may overlap and be empty. */
export function unionOf(intervals: readonly Interval[]): IntegerSet {
  const [first, more] = intervals;
  if (first === undefined) return nothing;
  if (more === undefined) return between(first.low, first.high);
  const sorted = intervals
    .filter((each) => each.low <= each.high)
    .sort((a, b) => (a.low === b.low ? 0 : a.low < b.low ? -1 : 1));
  const merged: Interval[] = [];
  for (const next of sorted) {
    const last = merged.at(-1);
    if (last === undefined || next.low > last.high + 1) merged.push(next);
    else merged[merged.length - 1] = { low: last.low, high: Math.max(last.high, next.high) };
  }
  return merged;
}

/** The integers in either set. */
export function union(left: IntegerSet, right: IntegerSet): IntegerSet {
  return unionOf([...left, ...right]);
}

/** The integers in both sets. */
export function intersect(left: IntegerSet, right: IntegerSet): IntegerSet {
  const [a, more] = left;
  const [b, others] = right;
  if (a === undefined || b === undefined) return nothing;
  if (more === undefined && others === undefined)
    return between(Math.max(a.low, b.low), Math.min(a.high, b.high));
  return unionOf(
    left.flatMap((a) =>
      right.map((b) => ({ low: Math.max(a.low, b.low), high: Math.min(a.high, b.high) })),
    ),
  );
}

/** The integers that are not in `set`. */
export function complement(set: IntegerSet): IntegerSet {
  const gaps: Interval[] = [];
  let from = -Infinity;
  for (const { low, high } of set) {
    if (low > from) gaps.push({ low: from, high: low - 1 });
    from = high + 1;
  }
  if (from < Infinity) gaps.push({ low: from, high: Infinity });
  return gaps;
}

/** Each interval of `set` under a map that gives an interval (empty, if its `low` is larger). */
export function mapIntervals(set: IntegerSet, map: (each: Interval) => Interval): IntegerSet {
  return unionOf(set.map(map));
}

/** The integers `x + by`. */
export function shift(set: IntegerSet, by: number): IntegerSet {
  return mapIntervals(set, ({ low, high }) => ({ low: low + by, high: high + by }));
}

/** The integers `-x`. */
export function negated(set: IntegerSet): IntegerSet {
  return mapIntervals(set, ({ low, high }) => ({ low: 0 - high, high: 0 - low }));
}

/** Whether both hold the same integers. */
export function equalSets(left: IntegerSet, right: IntegerSet): boolean {
  return (
    left.length === right.length &&
    left.every(({ low, high }, index) => {
      const other = right[index];
      return other !== undefined && other.low === low && other.high === high;
    })
  );
}

/** Whether every integer of `inner` is in `outer`. */
export function isSubset(inner: IntegerSet, outer: IntegerSet): boolean {
  return equalSets(intersect(inner, outer), inner);
}

/** The smallest interval that holds `set`, if it holds anything. */
export function hullOf(set: IntegerSet): Interval | undefined {
  const [first, last] = [set[0], set.at(-1)];
  return first === undefined || last === undefined
    ? undefined
    : { low: first.low, high: last.high };
}

/** The only integer of `set`, if it has exactly one. */
export function onlyMember(set: IntegerSet): number | undefined {
  const [only, more] = set;
  return only !== undefined && more === undefined && only.low === only.high ? only.low : undefined;
}

/** `set` as text such as `(-∞,-1]∪[3,5]`; equal sets give equal text. */
export function showSet(set: IntegerSet): string {
  if (set.length === 0) return "∅";
  return set
    .map(({ low, high }) => {
      const from = low === -Infinity ? "(-∞" : `[${low}`;
      const to = high === Infinity ? "∞)" : `${high}]`;
      return `${from},${to}`;
    })
    .join("∪");
}
