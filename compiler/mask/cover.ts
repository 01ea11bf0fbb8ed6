/**
 * A formula as alternatives, each a conjunction of simple conditions. Alternatives are judged one by
 * one, and within one all conditions on a term are seen together, which makes tile classes exact.
 */

import { unreachable } from "../../grammar/invariant.ts";
import { mergeLiterals } from "./context.ts";
import { type Formula, type Literal, subjectOf } from "./formula.ts";
import { hullOf } from "./integer-set.ts";
import { type Bound, boundOf } from "./subject.ts";

/** All of `bounds` and `rows` hold; each bound is about another form. */
export interface Conjunct {
  readonly bounds: readonly Bound[];
  /** Facts about a row that no interval expresses. */
  readonly rows: readonly Exclude<Literal, { kind: "within" }>[];
}

/** A formula as alternatives, or as connectives where there would be too many. */
export type Cover =
  | { readonly kind: "alternatives"; readonly conjuncts: readonly Conjunct[] }
  | { readonly kind: "and" | "or"; readonly operands: readonly Cover[] };

/** More alternatives than this are not worth their exactness: a kernel evaluates them per tile. */
const mostAlternatives = 24;

/** `formula` as a cover. */
export function coverOf(formula: Formula): Cover {
  const products = alternativesOf(formula);
  const conjuncts = products?.flatMap(splitIntervals);
  if (conjuncts !== undefined && conjuncts.length <= mostAlternatives)
    return { kind: "alternatives", conjuncts };
  if (formula.kind === "and" || formula.kind === "or")
    return { kind: formula.kind, operands: formula.operands.map(coverOf) };
  // One literal in very many intervals: the whole way from the first to the last is sound.
  return { kind: "alternatives", conjuncts: (products ?? []).map(hullConjunct) };
}

/** Literals by subject. */
type Product = ReadonlyMap<string, Literal>;

/** The disjunctive normal form; `undefined` if it is too long. */
function alternativesOf(formula: Formula): readonly Product[] | undefined {
  switch (formula.kind) {
    case "constant":
      return formula.value ? [new Map()] : [];
    case "literal":
      return [new Map([[subjectOf(formula.literal), formula.literal]])];
    case "or": {
      const all: Product[] = [];
      for (const operand of formula.operands) {
        const each = alternativesOf(operand);
        if (each === undefined || all.length + each.length > mostAlternatives) return undefined;
        all.push(...each);
      }
      return all;
    }
    case "and": {
      let all: readonly Product[] = [new Map()];
      for (const operand of formula.operands) {
        const each = alternativesOf(operand);
        if (each === undefined) return undefined;
        all = all.flatMap((left) => each.flatMap((right) => meet(left, right) ?? []));
        if (all.length > mostAlternatives) return undefined;
      }
      return all;
    }
    default:
      return unreachable(formula);
  }
}

function meet(left: Product, right: Product): Product | undefined {
  const both = new Map(left);
  for (const [subject, literal] of right) {
    const before = both.get(subject);
    const merged = before === undefined ? literal : mergeLiterals(before, literal);
    if (merged === undefined || isEmpty(merged)) return undefined;
    both.set(subject, merged);
  }
  return both;
}

function isEmpty(literal: Literal): boolean {
  if (literal.kind === "within") return literal.set.length === 0;
  return literal.kind === "segment" && literal.inside && literal.names.length === 0;
}

function splitIntervals(product: Product): readonly Conjunct[] {
  let conjuncts: readonly Conjunct[] = [{ bounds: [], rows: [] }];
  for (const literal of product.values()) {
    conjuncts = conjuncts.flatMap(({ bounds, rows }): readonly Conjunct[] => {
      if (literal.kind !== "within") return [{ bounds, rows: [...rows, literal] }];
      return literal.set.map((interval) => {
        return { bounds: [...bounds, boundOf(literal.form, interval)], rows };
      });
    });
  }
  return conjuncts;
}

function hullConjunct(product: Product): Conjunct {
  const bounds = [...product.values()].flatMap((literal) => {
    if (literal.kind !== "within") return [];
    const interval = hullOf(literal.set);
    return interval === undefined ? [] : [boundOf(literal.form, interval)];
  });
  const rows = [...product.values()].flatMap((each) => (each.kind === "within" ? [] : [each]));
  return { bounds, rows };
}
