/**
 * What a mask implies. `simplify` and `verdictOf` answer for whole segments, `classify` and
 * `keyLoops` for tiles, `element` for one pair, `extendable` for generation. All of them reason
 * about the predicate; none samples it or builds a matrix.
 */

export { evaluatePredicate, evaluateTerm, type RowFacts } from "../op/evaluate-predicate.ts";
export { showPredicate as show } from "../op/show-predicate.ts";
export { type Algebra, numbers } from "./algebra.ts";
export type { Extent } from "./chunks.ts";
export { type ElementValues, element, elementTerm } from "./element.ts";
export { type Facts, nothingKnown, possibleDifferences } from "./facts.ts";
export type { Likelihood } from "./feasible.ts";
export type { Range, TablePlace } from "./interval.ts";
export { type KeyInterval, keyIntervals, type KeyLoop, keyLoops } from "./key-loops.ts";
export type { KeyRuns } from "./key-runs.ts";
export { reachOf } from "./reach.ts";
export { simplify } from "./simplify.ts";
export {
  type Extendable,
  extendable,
  queryFirst,
  type Refutation,
  refute,
} from "./stability.ts";
export {
  classify,
  classifyTile,
  classOf,
  type TileClass,
  type TileRanges,
  type TileTest,
  tileTest,
} from "./tile.ts";
export {
  explainVerdict,
  type PartVerdict,
  type RowVerdict,
  rowVerdict,
  type Verdict,
  verdictOf,
} from "./verdict.ts";
