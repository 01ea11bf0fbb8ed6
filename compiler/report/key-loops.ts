/** The keys that a loop over the keys of one segment visits for a tile of queries, in words. */

import {
  type Algebra,
  type Facts,
  type KeyInterval,
  keyIntervals,
  type Range,
} from "../mask/index.ts";
import type { Predicate } from "../op/predicate.ts";
import type { DataName } from "../op/show-predicate.ts";

/**
 * The key positions that a tile of query rows may see, where the tile's own positions run from
 * `first` to `last`: `keys up to last`; `keys up to 3, and from first - 7 up to last`. Runs that
 * repeat are told where whole tiles of `tile` keys lie between them.
 */
export function keyLoop(mask: Predicate, facts: Facts, name: DataName, tile: number): string {
  const found = keyIntervals(
    mask,
    {
      q: { low: "first", high: "last" },
      data: (index, side) => {
        const read = side === "none" ? name(index) : `${name(index)}[${side}]`;
        return side === "none"
          ? { low: read, high: read }
          : { low: `least ${read}`, high: `largest ${read}` };
      },
    },
    words,
    facts,
  );
  const intervals = found.map(
    ({ runs, ...interval }): KeyInterval<string> =>
      runs === undefined || runs.period <= tile ? interval : { ...interval, runs },
  );
  if (intervals.length === 0) return "no keys";
  const always = intervals.filter(({ when }) => when === undefined);
  const all = always.some(({ range, runs }) => isOpen(range) && runs === undefined);
  if (all || intervals.length > mostSpoken) return "all keys";
  const texts = new Set(intervals.map(showInterval));
  return `keys ${[...texts].join(", and ")}`;
}

/** More alternatives than these are no help in words. */
const mostSpoken = 4;

function isOpen({ low, high }: Range<string>): boolean {
  return (low === undefined || low === "0") && high === undefined;
}

function showInterval({ range, when, runs }: KeyInterval<string>): string {
  const { low, high } = range;
  const from = low === undefined || low === "0" ? undefined : `from ${low}`;
  const to = high === undefined ? undefined : `up to ${high}`;
  const words = isOpen(range) ? ["without end"] : [from, to].filter((each) => each !== undefined);
  const repeated =
    runs === undefined
      ? []
      : [
          `in runs of ${runs.length}, one at ${runs.first} and every ${runs.period} keys from there`,
        ];
  const span = runs !== undefined && isOpen(range) ? [] : words;
  return [...span, ...repeated, ...(when === undefined ? [] : [`where ${when}`])].join(" ");
}

/** Integer expressions as a person writes them. */
const words: Algebra<string> = {
  integer: (value) => `${value}`,
  truth: (value) => `${value}`,
  add: (left, right) =>
    right.startsWith("-") ? `${left} - ${right.slice(1)}` : `${left} + ${right}`,
  subtract: (left, right) =>
    right.startsWith("-") && !right.includes(" ")
      ? `${left} + ${right.slice(1)}`
      : left === "0"
        ? `-${grouped(right)}`
        : `${left} - ${grouped(right)}`,
  multiply: (left, right) => `${grouped(left)} * ${grouped(right)}`,
  floorDivide: (left, right) => `${grouped(left)} / ${grouped(right)}`,
  remainder: (left, right) => `${grouped(left)} % ${grouped(right)}`,
  min: (left, right) => (left === right ? left : `min(${left}, ${right})`),
  max: (left, right) => (left === right ? left : `max(${left}, ${right})`),
  less: (left, right) => `${left} < ${right}`,
  lessEqual: (left, right) => `${left} <= ${right}`,
  equal: (left, right) => `${left} == ${right}`,
  notEqual: (left, right) => `${left} != ${right}`,
  and: (left, right) => `${grouped(left)} and ${grouped(right)}`,
  or: (left, right) => `${grouped(left)} or ${grouped(right)}`,
  not: (operand) => `not ${grouped(operand)}`,
  select: (condition, then, otherwise) => `where(${condition}, ${then}, ${otherwise})`,
};

function grouped(text: string): string {
  return text.includes(" ") && !/^\w+\([^()]*\)$/.test(text) ? `(${text})` : text;
}
