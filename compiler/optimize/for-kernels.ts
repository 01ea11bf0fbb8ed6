/** The last passes over a phase: they bring it into the form in which most of it fuses. */

import type { Graph } from "../graph/graph.ts";
import { phaseOf, stateOutput } from "../phase/phase-facts.ts";
import type { Phase } from "../phase/phase.ts";
import { removeDead } from "./remove-dead.ts";
import { scaleRows } from "./scale-rows.ts";
import { share } from "./share.ts";
import { simplifyMaps } from "./simplify-maps.ts";
import { splitColumns } from "./split-columns.ts";
import { tidy } from "./tidy.ts";

/** The phase in the form that fusion wants; what it computes and leaves is the same. */
export function forKernels(phase: Phase): Phase {
  const states = phase.writes.map(({ state, value }) => ({ name: stateOutput(state), value }));
  const graph: Graph = { ...phase.graph, outputs: [...phase.graph.outputs, ...states] };
  // Row factors first: they are elementwise values of the product that the halves then have, too.
  const scaled = tidy(scaleRows(graph));
  // Views are not simplified any more: slices of rows would take the joined halves apart again.
  const shaped = removeDead(share(simplifyMaps(splitColumns(scaled))));
  return phaseOf(phase.name, phase.kind, phase.doc, shaped);
}
