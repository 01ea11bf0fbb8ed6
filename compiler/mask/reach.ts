/** How far back a row sees: what lets a cache forget. */

import type { Predicate } from "../op/predicate.ts";
import type { Facts } from "./facts.ts";
import { classifyTile, type TileRanges } from "./tile.ts";

/** The farthest that is looked for: beyond it a window saves nothing that any device could hold. */
const farthest = 2 ** 24;

/** One tile of all the rows that there may ever be. */
const allRows: TileRanges<number> = {
  q: { low: 0, high: 2 ** 30 },
  k: { low: 0, high: 2 ** 30 },
  data: () => ({}),
};

/**
 * The smallest width for which it is proved that a query row at `q` sees no key row with
 * `q - k >= width`: 128 for `causal and window(128)`. Undefined if there is none. Sound for all rows
 * that `facts` allow; sees nothing at all: 0.
 */
export function reachOf(predicate: Predicate, facts: Facts): number | undefined {
  const isHidden = (width: number): boolean => {
    const far: Predicate = { kind: "and", operands: [predicate, atLeast(width)] };
    return classifyTile(far, allRows, facts) === "never";
  };
  if (!isHidden(farthest)) return undefined;
  // What is hidden from one distance on is hidden from any greater one.
  let [seen, hidden] = [-1, farthest];
  while (hidden - seen > 1) {
    const middle = Math.floor((seen + hidden) / 2);
    if (isHidden(middle)) hidden = middle;
    else seen = middle;
  }
  return hidden;
}

/** `q - k >= width`. */
function atLeast(width: number): Predicate {
  const distance = {
    kind: "binary",
    operator: "-",
    left: { kind: "position", side: "q" },
    right: { kind: "position", side: "k" },
  } as const;
  return {
    kind: "compare",
    comparison: "<=",
    left: { kind: "number", value: width },
    right: distance,
  };
}
