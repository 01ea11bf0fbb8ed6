/**
 * Phases cut into regions, with what each region computes as a signature: all that does not depend on
 * the family of targets, and so is done once for all of them.
 */

import type { BufferReference } from "../../runtime/contract.ts";
import { fuse } from "../fusion/fuse.ts";
import type { Region } from "../fusion/region.ts";
import { type ValueId, valueId } from "../graph/graph.ts";
import { expandWeights } from "../optimize/expand-weights.ts";
import { groupProducts } from "../optimize/group-products.ts";
import { packArguments } from "../optimize/pack-arguments.ts";
import { rangeData } from "../optimize/range-data.ts";
import type { Phase } from "../phase/phase.ts";
import { phaseOf, stateOutput } from "../phase/phase-facts.ts";
import { type Signature, signatureOf } from "./signature.ts";

/** A phase in regions. */
export interface PreparedPhase {
  readonly phase: Phase;
  readonly regions: readonly { readonly region: Region; readonly signature: Signature }[];
  /** The values that lie in memory. */
  readonly stored: ReadonlySet<ValueId>;
  /** Where the values that leave the phase lie. */
  readonly placed: ReadonlyMap<ValueId, BufferReference>;
  /** What leaves the phase in more than one place. */
  readonly copies: readonly { readonly value: ValueId; readonly to: BufferReference }[];
}

/** The phase without operations that no kernel is made for. */
function lowered(phase: Phase): Phase {
  const { name, kind, doc, graph, writes } = phase;
  const states = writes.map(({ state, value }) => ({ name: stateOutput(state), value }));
  const whole = { ...graph, outputs: [...graph.outputs, ...states] };
  const changed = packArguments(rangeData(groupProducts(expandWeights(whole))));
  return changed === whole ? phase : phaseOf(name, kind, doc, changed);
}

/** Cuts a phase into regions. */
export function preparePhase(asSplit: Phase): PreparedPhase {
  const phase = lowered(asSplit);
  const { graph } = phase;
  const placed = new Map<ValueId, BufferReference>();
  const copies: { value: ValueId; to: BufferReference }[] = [];
  const place = (value: ValueId, to: BufferReference): void => {
    if (placed.has(value)) copies.push({ value, to });
    else placed.set(value, to);
  };
  for (const { state, value } of phase.writes) place(value, { kind: "state", name: state });
  for (const { name, value } of graph.outputs) place(value, { kind: "output", name });
  // What is read back must lie somewhere.
  const measures = graph.nodes.flatMap(({ op }, id) =>
    op.kind === "measure" ? [valueId(id)] : [],
  );
  const { regions, stored } = fuse(graph, new Set([...placed.keys(), ...measures]));
  const signed = regions.map((region) => ({
    region,
    signature: signatureOf(graph, (value) => stored.has(value), region),
  }));
  return { phase, regions: signed, stored, placed, copies };
}
