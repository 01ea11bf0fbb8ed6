/** The token data that a mask reads, and masks with numbers in its place. */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Side, Term } from "./predicate.ts";

/** The number that a data use is everywhere; undefined where it stays. */
export type DataNumber = (index: number, side: Side) => number | undefined;

/** `predicate` with each data use that `numberOf` knows replaced by its number. */
export function replaceData(predicate: Predicate, numberOf: DataNumber): Predicate {
  switch (predicate.kind) {
    case "constant":
    case "segment":
    case "given":
      return predicate;
    case "not":
      return { kind: "not", operand: replaceData(predicate.operand, numberOf) };
    case "and":
    case "or": {
      const operands = predicate.operands.map((operand) => replaceData(operand, numberOf));
      return { kind: predicate.kind, operands };
    }
    case "compare": {
      const { left, right } = predicate;
      return { ...predicate, left: of(left, numberOf), right: of(right, numberOf) };
    }
    default:
      return unreachable(predicate);
  }
}

function of(term: Term, numberOf: DataNumber): Term {
  switch (term.kind) {
    case "number":
    case "position":
      return term;
    case "data": {
      const value = numberOf(term.index, term.side);
      return value === undefined ? term : { kind: "number", value };
    }
    case "absolute":
      return { kind: "absolute", operand: of(term.operand, numberOf) };
    case "table":
      return { ...term, at: term.at.map((each) => ({ ...each, at: of(each.at, numberOf) })) };
    case "binary":
      return { ...term, left: of(term.left, numberOf), right: of(term.right, numberOf) };
    default:
      return unreachable(term);
  }
}

/** The tables that `predicate` reads, by their index among the data, each once. */
export function tableUses(predicate: Predicate): readonly number[] {
  switch (predicate.kind) {
    case "not":
      return tableUses(predicate.operand);
    case "and":
    case "or":
      return [...new Set(predicate.operands.flatMap(tableUses))];
    case "compare":
      return [...new Set([predicate.left, predicate.right].flatMap(tablesIn))];
    default:
      return [];
  }
}

function tablesIn(term: Term): readonly number[] {
  switch (term.kind) {
    case "absolute":
      return tablesIn(term.operand);
    case "binary":
      return [...tablesIn(term.left), ...tablesIn(term.right)];
    case "table":
      return [term.index, ...term.at.flatMap((each) => tablesIn(each.at))];
    default:
      return [];
  }
}

/** The uses of row data by `predicate`, each once; see `tableUses` for tables. */
export function dataUses(predicate: Predicate): readonly (readonly [number, Side])[] {
  const uses = new Map<string, readonly [number, Side]>();
  replaceData(predicate, (index, side) => {
    uses.set(`${index} ${side}`, [index, side]);
    return undefined;
  });
  return [...uses.values()];
}
