/** The order of the passes, on one screen. */

import type { Graph } from "../graph/graph.ts";
import { narrowBound, splitWherePays } from "./bind-rows.ts";
import { fold } from "./fold.ts";
import { removeDead } from "./remove-dead.ts";
import { share } from "./share.ts";
import { simplifyMaps } from "./simplify-maps.ts";
import { tidy } from "./tidy.ts";

/** A rewriting of the graph and its name in dumps. */
export interface Pass {
  readonly name: string;
  readonly apply: (graph: Graph) => Graph;
}

/** The passes before the graph is split into phases, in order. */
export const passes: readonly Pass[] = [
  // Indices become constants, which views need to see which row they take.
  { name: "fold", apply: fold },
  { name: "simplify-maps", apply: simplifyMaps },
  // Equal slices and renames become one, so that demand meets each value once.
  { name: "share", apply: share },
  { name: "remove-dead", apply: removeDead },
  // Before narrowing: what the mask says of a segment is what makes its queries unread.
  { name: "split-segments", apply: splitWherePays },
  // Before phases: a row is static only where it is computed apart from those that are not.
  { name: "narrow-rows", apply: narrowBound },
  // Views are simplified last: what they show was chosen by then.
  { name: "tidy", apply: tidy },
];

/** Applies all passes; `seen` is called with the graph after each. */
export function optimize(
  graph: Graph,
  seen: (name: string, graph: Graph) => void = () => {},
): Graph {
  let current = graph;
  for (const { name, apply } of passes) {
    current = apply(current);
    seen(name, current);
  }
  return current;
}
