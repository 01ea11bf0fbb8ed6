/**
 * What holds at some place inside a formula: the facts about the rows and the literals joined by
 * `and` there. It decides literals, by sets for equal terms and by intervals across terms.
 */

import { invariant, unreachable } from "../../grammar/invariant.ts";
import { numbers } from "./algebra.ts";
import { type Facts, possibleDifferences } from "./facts.ts";
import { type Folded, folding, known } from "./fold.ts";
import type { Literal } from "./formula.ts";
import {
  between,
  everything,
  hullOf,
  type IntegerSet,
  intersect,
  type Interval,
  isSubset,
  nothing,
} from "./integer-set.ts";
import { type Intervals, type Range, rangeFrom, rangeOfLinear } from "./interval.ts";
import {
  combine,
  keyPosition,
  type Linear,
  linearKey,
  ofAtom,
  ofOperation,
  queryPosition,
} from "./linear.ts";

/** The segments that a row may be in: those named, or all but those named. */
interface Membership {
  readonly names: readonly string[];
  readonly inside: boolean;
}

/** What is known of one query row and one key row. */
export interface Context {
  /** By the key of a linear form: the values that it may have. */
  readonly sets: ReadonlyMap<string, IntegerSet>;
  readonly segments: { readonly q: Membership; readonly k: Membership };
  readonly given: { readonly q?: boolean; readonly k?: boolean };
}

/** `q - k` as one atom, of which more may be known than of its sides. */
const differenceAtom = ofOperation("-", ofAtom(queryPosition), ofAtom(keyPosition));
/** The form `q - k`. */
export const differenceForm: Linear = combine([
  [ofAtom(queryPosition), 1],
  [ofAtom(keyPosition), -1],
]);
const queryKey = linearKey(ofAtom(queryPosition));
const keyKey = linearKey(ofAtom(keyPosition));
/** The key of `q - k`. */
export const differenceKey: string = linearKey(differenceForm);

/** Whether no pair of rows can be as `context` says. */
export function isContradictory(context: Context): boolean {
  const { q, k } = context.segments;
  return (
    intervalsIn(context) === undefined ||
    [...context.sets.values()].some((set) => set.length === 0) ||
    [q, k].some((each) => each.inside && each.names.length === 0)
  );
}

/** What `facts` say. */
export function contextOf(facts: Facts): Context {
  const membership = (name: string | undefined): Membership =>
    name === undefined ? { names: [], inside: false } : { names: [name], inside: true };
  return {
    sets: new Map([
      [queryKey, between(0, Infinity)],
      [keyKey, between(0, Infinity)],
      [differenceKey, possibleDifferences(facts)],
    ]),
    segments: { q: membership(facts.querySegment), k: membership(facts.keySegment) },
    given: {
      ...(facts.queryGiven === undefined ? {} : { q: facts.queryGiven }),
      ...(facts.keyGiven === undefined ? {} : { k: facts.keyGiven }),
    },
  };
}

/** `context` where all of `literals` hold as well. */
export function assume(context: Context, literals: readonly Literal[]): Context {
  const sets = new Map(context.sets);
  let { segments, given } = context;
  for (const literal of literals)
    switch (literal.kind) {
      case "within":
        sets.set(literal.key, intersect(sets.get(literal.key) ?? everything, literal.set));
        break;
      case "segment":
        segments = { ...segments, [literal.side]: meet(segments[literal.side], literal) };
        break;
      case "given":
        given = { ...given, [literal.side]: literal.given };
        break;
      default:
        return unreachable(literal);
    }
  return { sets, segments, given };
}

/** Whether `literal` always or never holds in `context`; `undefined` if it may do either. */
export function decide(context: Context, literal: Literal): boolean | undefined {
  switch (literal.kind) {
    case "within": {
      const assumed = context.sets.get(literal.key) ?? everything;
      if (intersect(assumed, literal.set).length === 0) return false;
      const possible = possibleValues(context, literal.form, literal.key);
      if (intersect(possible, literal.set).length === 0) return false;
      return isSubset(possible, literal.set) ? true : undefined;
    }
    case "segment": {
      const inside = isInside(context.segments[literal.side], literal.names);
      return inside === undefined || literal.inside ? inside : !inside;
    }
    case "given": {
      const is = context.given[literal.side];
      return is === undefined ? undefined : is === literal.given;
    }
    default:
      return unreachable(literal);
  }
}

/** Both literals about one subject as one; `undefined` if they contradict each other. */
export function mergeLiterals(left: Literal, right: Literal): Literal | undefined {
  if (left.kind === "within" && right.kind === "within")
    return { ...left, set: intersect(left.set, right.set) };
  if (left.kind === "segment" && right.kind === "segment") return { ...left, ...meet(left, right) };
  invariant(left.kind === "given" && right.kind === "given", "literals differ in their subject");
  return left.given === right.given ? left : undefined;
}

/** The values that `form` may have: those assumed of it, cut to the interval of its atoms. */
export function possibleValues(context: Context, form: Linear, key: string): IntegerSet {
  const assumed = context.sets.get(key) ?? everything;
  const intervals = intervalsIn(context);
  if (intervals === undefined) return nothing;
  let possible = intersect(assumed, asSet(rangeOfLinear(form, intervals)));
  const joint = byDifference(form);
  if (joint !== undefined) possible = intersect(possible, asSet(rangeOfLinear(joint, intervals)));
  return possible;
}

/** `form` with as much of it as possible written as a multiple of `q - k`. */
function byDifference(form: Linear): Linear | undefined {
  const coefficient = (key: string): number =>
    form.parts.find((part) => part.key === key)?.coefficient ?? 0;
  const [q, k] = [coefficient("q"), coefficient("k")];
  if (q * k >= 0) return undefined;
  const multiple = Math.sign(q) * Math.min(Math.abs(q), Math.abs(k));
  return combine([
    [form, 1],
    [differenceForm, -multiple],
    [differenceAtom, multiple],
  ]);
}

const folded = folding(numbers);

/** Interval arithmetic in `context`; `undefined` if the context contradicts itself. */
function intervalsIn(context: Context): Intervals<number> | undefined {
  const { sets } = context;
  const q = hullOf(sets.get(queryKey) ?? everything);
  const k = hullOf(sets.get(keyKey) ?? everything);
  const d = hullOf(sets.get(differenceKey) ?? everything);
  if (q === undefined || k === undefined || d === undefined) return undefined;
  // Two steps reach everything that three bounded differences imply.
  const query = {
    low: Math.max(q.low, k.low + d.low),
    high: Math.min(q.high, k.high + d.high),
  };
  const key = {
    low: Math.max(k.low, q.low - d.high),
    high: Math.min(k.high, q.high - d.low),
  };
  if (query.low > query.high || key.low > key.high) return undefined;
  const knownOf = (atom: string): Interval | undefined =>
    `1*${atom}` === linearKey(differenceAtom) ? d : hullOf(sets.get(`1*${atom}`) ?? everything);
  return {
    algebra: folded,
    ranges: {
      q: asRange(query),
      k: asRange(key),
      data: () => ({}),
      known: (atom) => asRange(knownOf(atom) ?? {}),
    },
  };
}

function asRange({ low, high }: Partial<Interval>): Range<Folded<number>> {
  const end = (value: number | undefined): Folded<number> | undefined =>
    value === undefined || !Number.isFinite(value) ? undefined : known(value);
  return rangeFrom(end(low), end(high));
}

function asSet({ low, high }: Range<Folded<number>>): IntegerSet {
  const end = (folded: Folded<number> | undefined, open: number): number => {
    invariant(folded?.kind !== "expression", "an interval of numbers is not a number");
    return folded === undefined ? open : folded.value;
  };
  return between(end(low, -Infinity), end(high, Infinity));
}

/** The segments in both memberships. */
function meet(left: Membership, right: Membership): Membership {
  if (!left.inside && !right.inside)
    return { names: [...new Set([...left.names, ...right.names])].sort(), inside: false };
  const [inner, other] = left.inside ? [left, right] : [right, left];
  const names = inner.names.filter((name) => other.names.includes(name) === other.inside);
  return { names, inside: true };
}

function isInside(membership: Membership, names: readonly string[]): boolean | undefined {
  if (!membership.inside)
    return names.every((name) => membership.names.includes(name)) ? false : undefined;
  if (membership.names.every((name) => names.includes(name))) return true;
  return membership.names.some((name) => names.includes(name)) ? undefined : false;
}
