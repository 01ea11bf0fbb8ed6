/**
 * What a mask amounts to for one pair of row sets, and what that means for a query row as a whole.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate } from "../op/predicate.ts";
import { differenceKey } from "./context.ts";
import type { Facts } from "./facts.ts";
import { between, equalSets, hullOf, onlyMember } from "./integer-set.ts";
import { toFormula } from "./literal.ts";
import { simplifyFormula } from "./simplify.ts";

/** The shape of a mask between one set of query rows and one set of key rows. */
export type Verdict =
  /** No query sees any key. */
  | { readonly kind: "none" }
  /** Every query sees every key. */
  | { readonly kind: "all" }
  /** `k <= q`: a query sees the keys up to its own position. */
  | { readonly kind: "causal" }
  /** `k == q` in one sequence: a query sees no key but its own row. */
  | { readonly kind: "diagonal" }
  /** `0 <= q - k < width`: a query sees the keys at the last `width` positions, its own included. */
  | { readonly kind: "window"; readonly width: number }
  /** Anything else. */
  | { readonly kind: "general" };

/** The verdict on `predicate` for rows that are as `facts` say. */
export function verdictOf(predicate: Predicate, facts: Facts): Verdict {
  const formula = simplifyFormula(toFormula(predicate), facts);
  if (formula.kind === "constant") return { kind: formula.value ? "all" : "none" };
  if (formula.kind !== "literal" || formula.literal.kind !== "within") return { kind: "general" };
  const { key, set } = formula.literal;
  if (key !== differenceKey) return { kind: "general" };
  if (equalSets(set, between(0, Infinity))) return { kind: "causal" };
  if (facts.shared && onlyMember(set) === 0) return { kind: "diagonal" };
  const hull = hullOf(set);
  if (set.length === 1 && hull?.low === 0) return { kind: "window", width: hull.high + 1 };
  return { kind: "general" };
}

/** The verdict on one part of an attention's keys. */
export interface PartVerdict {
  readonly verdict: Verdict;
  /** The part's key rows include every query row's own row. */
  readonly own: boolean;
}

/** What all parts together mean for every query row. */
export type RowVerdict =
  /** No row sees any key: the attention gives zeros. */
  | { readonly kind: "zeros" }
  /** Every row sees exactly its own row, which is in `part`. */
  | { readonly kind: "identity"; readonly part: number }
  /** Only the parts in `live` hold keys that may be seen. */
  | { readonly kind: "attend"; readonly live: readonly number[] };

/**
 * What the verdicts on all `parts` of the keys mean for a query row. `identity` makes attention the
 * row's own value only under softmax, with no sink, a finite score and no weights asked for.
 */
export function rowVerdict(parts: readonly PartVerdict[]): RowVerdict {
  const live = [...parts.keys()].filter((index) => parts[index]?.verdict.kind !== "none");
  const [only, more] = live;
  if (only === undefined) return { kind: "zeros" };
  const part = parts[only];
  const alone = more === undefined && part?.verdict.kind === "diagonal" && part.own;
  return alone ? { kind: "identity", part: only } : { kind: "attend", live };
}

/** `verdict` in words, as the end of a sentence about a query row. */
export function explainVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "none":
      return "sees none of them";
    case "all":
      return "sees all of them";
    case "causal":
      return "sees those up to its own position";
    case "diagonal":
      return "sees only itself";
    case "window":
      return `sees those at the last ${verdict.width} positions, its own included`;
    case "general":
      return "sees some of them";
    default:
      return unreachable(verdict);
  }
}
