/** What is left to do after a pass has left slices, equal values and dead nodes behind. */

import type { Graph } from "../graph/graph.ts";
import { removeDead } from "./remove-dead.ts";
import { share } from "./share.ts";
import { simplifyViews } from "./simplify-views.ts";

/** Looks through views, merges equal values, drops dead ones; changes nothing that is computed. */
export function tidy(graph: Graph): Graph {
  return removeDead(share(simplifyViews(graph)));
}
