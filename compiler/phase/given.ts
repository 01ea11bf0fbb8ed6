/** Masks without `given`: what a phase knows about which rows were there when generation started. */

import type { Facts } from "../mask/facts.ts";
import { simplify } from "../mask/simplify.ts";
import type { Predicate } from "../op/predicate.ts";

/** Whether a mask asks which rows were given. */
export function asksGiven(mask: Predicate): boolean {
  switch (mask.kind) {
    case "given":
      return true;
    case "not":
      return asksGiven(mask.operand);
    case "and":
    case "or":
      return mask.operands.some(asksGiven);
    default:
      return false;
  }
}

/**
 * The mask of new query rows over key rows of which some were given and some are new. It asks
 * nothing about `given` where positions say as much: a given row stands before every new one.
 */
export function maskOfNewRows(mask: Predicate, facts: Facts): Predicate {
  const later: Facts = { ...facts, queryGiven: false };
  const both = simplify(mask, later);
  if (!asksGiven(both)) return both;
  const ofNew = simplify(mask, { ...later, keyGiven: false });
  const ofGiven = simplify(mask, { ...later, keyGiven: true });
  const same = JSON.stringify(simplify(ofNew, { ...later, keyGiven: true }));
  return same === JSON.stringify(ofGiven) ? ofNew : both;
}

/** `mask` where every row was given. */
export function maskOfGivenRows(mask: Predicate, facts: Facts): Predicate {
  return asksGiven(mask) ? simplify(mask, { ...facts, queryGiven: true, keyGiven: true }) : mask;
}

/** `mask` with `k in given` read from datum `index`, which is 1 for given key rows and 0 for new ones. */
export function givenFromData(mask: Predicate, index: number): Predicate {
  switch (mask.kind) {
    case "given":
      return {
        kind: "compare",
        comparison: "==",
        left: { kind: "data", index, side: mask.side },
        right: { kind: "number", value: 1 },
      };
    case "not":
      return { kind: "not", operand: givenFromData(mask.operand, index) };
    case "and":
    case "or":
      return { kind: mask.kind, operands: mask.operands.map((each) => givenFromData(each, index)) };
    default:
      return mask;
  }
}
