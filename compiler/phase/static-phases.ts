/** The phases that depend on no token: computed once for an image, and again only if it changes. */

import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { cutGraph } from "./cut-graph.ts";
import { type Dependences, type InputSet, inputsIn } from "./dependence.ts";
import { type Kept, keptValues } from "./keep.ts";
import type { Phase, State } from "./phase.ts";
import { phaseOf, stateOutput } from "./phase-facts.ts";
import type { StateNames } from "./state-names.ts";

/** The static phases of a graph, in the order in which they run, and what they leave. */
export interface StaticPhases {
  readonly phases: readonly Phase[];
  readonly states: readonly State[];
  /** By kept value: the state that holds it. */
  readonly held: ReadonlyMap<ValueId, string>;
}

/** Splits off what is static and worth keeping; nothing where nothing grows. */
export function staticPhases(
  graph: Graph,
  dependences: Dependences,
  names: StateNames,
): StaticPhases {
  const kept: Kept = dependences.growing === 0n ? new Map() : keptValues(graph, dependences);
  const phaseNames = namePhases(graph, [...kept.values()]);
  const held = new Map<ValueId, string>();
  const states: State[] = [];
  for (const [id, set] of kept) {
    const phase = phaseNames.get(set) ?? "";
    const name = names.name(id, phase);
    held.set(id, name);
    states.push({ name, kind: "value", type: nodeAt(graph, id).type, phase });
  }
  const phases = [...phaseNames].map(([set, name]) => {
    const own = [...kept].flatMap(([id, each]) => (each === set ? [id] : []));
    return staticPhase(graph, name, own, held, inputsIn(graph, set));
  });
  return { phases, states, held };
}

function staticPhase(
  graph: Graph,
  name: string,
  own: readonly ValueId[],
  held: ReadonlyMap<ValueId, string>,
  inputs: readonly string[],
): Phase {
  const others = new Map([...held].filter(([id]) => !own.includes(id)));
  const outputs = own.map((id) => ({ name: stateOutput(held.get(id) ?? ""), value: id }));
  const on =
    inputs.length === 0 ? "weights alone" : inputs.map((each) => `\`${each}\``).join(" and ");
  const doc = `What depends on ${on}: computed once, then read by every later call.`;
  return phaseOf(name, "static", doc, cutGraph(graph, outputs, others).graph);
}

/**
 * The name of each set of inputs, fewest inputs first: the tensor inputs in it; `place` if it adds
 * positions to a set that has a phase; `weights` for none at all.
 */
function namePhases(graph: Graph, sets: readonly InputSet[]): ReadonlyMap<InputSet, string> {
  const order = [...new Set(sets)].sort(
    (a, b) => inputsIn(graph, a).length - inputsIn(graph, b).length || (a < b ? -1 : 1),
  );
  const names = new Map<InputSet, string>();
  for (const set of order) {
    const inputs = inputsIn(graph, set);
    const tensors = inputs.filter((name) => roleOf(graph, name) !== "position");
    const placed = tensors.length < inputs.length;
    const without = order.some((other) => inputsIn(graph, other).join() === tensors.join());
    const base =
      placed && (tensors.length === 0 || without) ? "place" : tensors.join("_") || "weights";
    const taken = [...names.values()].filter(
      (name) => name === base || name.startsWith(`${base}_`),
    );
    names.set(set, taken.includes(base) ? `${base}_${taken.length + 1}` : base);
  }
  return names;
}

function roleOf(graph: Graph, name: string): string | undefined {
  return graph.inputs.find((input) => input.name === name)?.role;
}
