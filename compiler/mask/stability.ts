/**
 * The generation proof. A cache is right exactly if no row that is there sees a row that comes
 * later: then appending rows leaves every earlier result as it was.
 */

import { InvariantError, invariant, unreachable } from "../../grammar/invariant.ts";
import { evaluatePredicate, type RowFacts } from "../op/evaluate-predicate.ts";
import { always, never, type Predicate, type Term } from "../op/predicate.ts";
import type { Facts } from "./facts.ts";
import { keyPosition, queryPosition } from "./linear.ts";
import { simplify } from "./simplify.ts";

/** Whether rows may be appended to a sequence without changing what was computed before. */
export type Extendable =
  | { readonly kind: "yes" }
  | {
      readonly kind: "no";
      /** The segment of the earlier query rows, if the sequence has segments. */
      readonly querySegment?: string;
      /** Whether those query rows are new themselves, only earlier ones. */
      readonly queryNew: boolean;
      /** The segment of the new key rows. */
      readonly keySegment?: string;
      /** The smallest part of the mask that, were it false for such rows, would hide the keys. */
      readonly guilty: Predicate;
      /** What decides whether an earlier query row sees a new key row. */
      readonly remaining: Predicate;
      /** Positions of such a pair, where positions alone decide. */
      readonly example?: { readonly q: number; readonly k: number };
    };

/**
 * Whether no earlier row of a sequence of `segments` sees a row that is appended to the segment
 * `growing`. A plain axis that grows has no segments: an empty list and `undefined`.
 */
export function extendable(
  predicate: Predicate,
  segments: readonly string[],
  growing: string | undefined,
): Extendable {
  const keySegment = growing === undefined ? {} : { keySegment: growing };
  const queries = segments.length === 0 ? [undefined] : segments;
  for (const segment of queries) {
    const named = segment === undefined ? {} : { querySegment: segment };
    const given: Facts = {
      ...named,
      ...keySegment,
      shared: true,
      queryGiven: true,
      keyGiven: false,
    };
    const broken = refute(predicate, always, given);
    if (broken !== undefined) return { ...broken, ...named, queryNew: false, ...keySegment };
    if (segment !== growing) continue;
    const added: Facts = { ...given, queryGiven: false };
    const brokenLater = refute(predicate, queryFirst, added);
    if (brokenLater !== undefined)
      return { ...brokenLater, ...named, queryNew: true, ...keySegment };
  }
  return { kind: "yes" };
}

/** `q < k`: the query is the earlier row. */
export const queryFirst: Predicate = {
  kind: "compare",
  comparison: "<",
  left: queryPosition,
  right: keyPosition,
};

/** Why some pair of rows may be visible that must not be. */
export type Refutation = Pick<
  Extract<Extendable, { kind: "no" }>,
  "kind" | "guilty" | "remaining" | "example"
>;

/** Why some pair that `facts` and `condition` allow may be visible; `undefined` if none is. */
export function refute(
  predicate: Predicate,
  condition: Predicate,
  facts: Facts,
): Refutation | undefined {
  const under = (each: Predicate): Predicate =>
    simplify({ kind: "and", operands: [each, condition] }, facts);
  const remaining = under(predicate);
  if (isNever(remaining)) return undefined;
  const guilty = partsIn(predicate, (replaced) => replaced)
    .toSorted((a, b) => rank(a.part) - rank(b.part))
    .find((each) => isNever(under(each.without)));
  invariant(guilty !== undefined, "mask: a mask that is never true still shows a pair");
  const example = exampleOf({ kind: "and", operands: [remaining, queryFirst] });
  return {
    kind: "no",
    guilty: guilty.part,
    remaining,
    ...(example === undefined ? {} : { example }),
  };
}

interface Part {
  readonly part: Predicate;
  /** The whole mask as it would be if that part never held. */
  readonly without: Predicate;
}

/** `part` and all parts of it that are not negated; `rebuild` puts another in its place. */
function partsIn(part: Predicate, rebuild: (replaced: Predicate) => Predicate): readonly Part[] {
  const own = { part, without: rebuild(never) };
  switch (part.kind) {
    case "constant":
    case "compare":
    case "segment":
    case "given":
    case "not":
      return [own];
    case "and":
    case "or":
      return [
        ...part.operands.flatMap((operand, index) =>
          partsIn(operand, (replaced) =>
            rebuild({ ...part, operands: part.operands.with(index, replaced) }),
          ),
        ),
        own,
      ];
    default:
      return unreachable(part);
  }
}

/** Smaller parts first; of equal ones, comparisons, since which rows meet is rarely what is wrong. */
function rank(part: Predicate): number {
  return 2 * sizeOf(part) - (part.kind === "compare" ? 1 : 0);
}

/** The number of atoms and connectives of `part`. */
function sizeOf(part: Predicate): number {
  switch (part.kind) {
    case "constant":
    case "compare":
    case "segment":
    case "given":
      return 1;
    case "not":
      return 1 + sizeOf(part.operand);
    case "and":
    case "or":
      return part.operands.reduce((sum, operand) => sum + sizeOf(operand), 1);
    default:
      return unreachable(part);
  }
}

function isNever(predicate: Predicate): boolean {
  return predicate.kind === "constant" && !predicate.value;
}

/** Small positions, and those about the numbers in the mask, suffice to find most pairs. */
const firstPositions = 12;

/** The first pair of positions for which `predicate` holds, if it asks for nothing but positions. */
function exampleOf(predicate: Predicate): { readonly q: number; readonly k: number } | undefined {
  const named = numbersOf(predicate);
  if (named === undefined) return undefined;
  const near = named.map(Math.abs).flatMap((value) => [value - 1, value, value + 1]);
  const small = Array.from({ length: firstPositions }, (_, index) => index);
  const positions = [...new Set([...small, ...near])]
    .filter((value) => value >= 0)
    .sort((a, b) => a - b);
  for (const q of positions)
    for (const distance of positions) {
      const k = q + distance;
      const facts: RowFacts = {
        position: (side) => (side === "q" ? q : k),
        data: () => absent("data"),
        lookup: () => absent("a lookup"),
        inSegment: () => absent("a segment"),
        given: () => absent("`given`"),
      };
      if (evaluatePredicate(predicate, facts)) return { q, k };
    }
  return undefined;
}

function absent(what: string): never {
  throw new InvariantError(`mask: an example of positions asks for ${what}`);
}

/** The numbers in `predicate`; `undefined` if it asks for more than positions. */
function numbersOf(predicate: Predicate): readonly number[] | undefined {
  switch (predicate.kind) {
    case "constant":
      return [];
    case "segment":
    case "given":
      return undefined;
    case "not":
      return numbersOf(predicate.operand);
    case "compare":
      return together([numbersIn(predicate.left), numbersIn(predicate.right)]);
    case "and":
    case "or":
      return together(predicate.operands.map(numbersOf));
    default:
      return unreachable(predicate);
  }
}

function numbersIn(term: Term): readonly number[] | undefined {
  switch (term.kind) {
    case "number":
      return [term.value];
    case "position":
      return [];
    case "data":
    case "table":
      return undefined;
    case "absolute":
      return numbersIn(term.operand);
    case "binary":
      return together([numbersIn(term.left), numbersIn(term.right)]);
    default:
      return unreachable(term);
  }
}

function together(each: readonly (readonly number[] | undefined)[]): readonly number[] | undefined {
  return each.some((numbers) => numbers === undefined)
    ? undefined
    : each.flatMap((numbers) => numbers ?? []);
}
