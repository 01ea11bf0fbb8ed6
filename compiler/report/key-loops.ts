/** The keys that a loop over the keys of one segment visits for a tile of queries, in words. */

import { type Algebra, type Facts, keyBounds } from "../mask/index.ts";
import type { Predicate } from "../op/predicate.ts";
import type { DataName } from "../op/show-predicate.ts";

/**
 * The positions between which a tile of query rows may see keys, where the tile's own positions run
 * from `first` to `last`: `from 0 to last`.
 */
export function keyLoop(mask: Predicate, facts: Facts, name: DataName): string {
  const { low, high } = keyBounds(
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
  if (low === "0" && high === "-1") return "no keys";
  const from = low === undefined || low === "0" ? undefined : `from ${low}`;
  const to = high === undefined ? undefined : `up to ${high}`;
  if (from === undefined && to === undefined) return "all keys";
  return ["keys", from, to].filter((each) => each !== undefined).join(" ");
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
