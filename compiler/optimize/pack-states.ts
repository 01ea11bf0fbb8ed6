/** States that attentions read together lie in one place, where a kernel could not bind them all. */

import { invariant } from "../../grammar/invariant.ts";
import { boundArguments, buffersFor, mostBuffers, sourcesOf } from "../graph/bound.ts";
import { freshAxisName, GraphBuilder } from "../graph/build.ts";
import { type Graph, type Node, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import type { Axis, AxisName } from "../op/axis.ts";
import { constant, type Dimension, sumOf } from "../op/dimension.ts";
import { equalTypes, type TensorType } from "../op/type.ts";
import { phaseOf, stateOutput } from "../phase/phase-facts.ts";
import type { Phase, State } from "../phase/phase.ts";

/** Phases and what they leave for each other. */
interface PhasesAndStates {
  readonly phases: readonly Phase[];
  readonly states: readonly State[];
}

/**
 * Where an attention reads keys and values of so many segments that a kernel cannot bind them all, what
 * one phase leaves of them becomes one state, the rows of one after those of the other, and readers take
 * slices of it: an address, since the first axis is the slowest.
 *
 * Sound because a slice of a join at a part is the part. Runs when phases are done.
 */
export function packStates({ phases, states }: PhasesAndStates): PhasesAndStates {
  const packs = packsOf(phases, states);
  if (packs.length === 0) return { phases, states };
  const packOf = new Map(packs.flatMap((pack) => pack.parts.map(({ name }) => [name, pack])));
  const packed = new Map(packs.map((pack) => [pack.parts[0]?.name, pack]));
  return {
    phases: phases.map((phase) => repack(phase, packOf)),
    states: states.flatMap((state): readonly State[] => {
      if (!packOf.has(state.name)) return [state];
      const pack = packed.get(state.name);
      return pack === undefined ? [] : [{ ...state, name: pack.name, type: pack.type }];
    }),
  };
}

interface Pack {
  readonly name: string;
  readonly phase: string;
  readonly axis: Axis;
  readonly type: TensorType;
  readonly parts: readonly Part[];
}

/** A state in a pack: its rows there are `start …`. */
interface Part {
  readonly name: string;
  readonly rows: AxisName;
  readonly start: Dimension;
}

function packsOf(phases: readonly Phase[], states: readonly State[]): readonly Pack[] {
  const groups = new Map<string, Set<string>>();
  const known = new Map(states.map((state) => [state.name, state]));
  for (const { graph } of phases) {
    for (const { op, args } of graph.nodes) {
      if (op.kind !== "attend") continue;
      const nodeOf = (id: ValueId): Node => nodeAt(graph, id);
      const bound = boundArguments(op, args);
      if (buffersFor(nodeOf, bound) <= mostBuffers) continue;
      const sources = sourcesOf(nodeOf, bound);
      for (const list of alike(statesAmong(graph, sources, known)).values()) {
        const all = new Set(list.flatMap((name) => [name, ...(groups.get(name) ?? [])]));
        for (const name of all) groups.set(name, all);
      }
    }
  }
  const taken = new Map<AxisName, unknown>(phases.flatMap(({ graph }) => [...graph.axes]));
  return [...new Set(groups.values())].flatMap((names): readonly Pack[] => {
    // In the order of the states, so that equal layers are alike.
    const members = states.filter(({ name }) => names.has(name));
    const [first] = members;
    if (first === undefined || members.length < 2) return [];
    const graph = phases.find(({ name }) => name === first.phase)?.graph;
    invariant(graph !== undefined, `pack-states: there is no phase ${first.phase}`);
    let size = constant(0);
    const parts = members.map(({ name, type }): Part => {
      const [rows, start] = [rowsOf(type), size];
      size = sumOf([start, sizeOf(graph, rows)]);
      return { name, rows, start };
    });
    const name = freshAxisName(taken, "Packed");
    const axis: Axis = { name, label: "Packed", size, lineage: { kind: "own" }, segments: [] };
    taken.set(name, axis);
    const type = { ...first.type, axes: [name, ...first.type.axes.slice(1)] };
    const { phase } = first;
    return [{ name: `${first.name}+${members.length - 1}`, phase, axis, type, parts }];
  });
}

/** The states of kind `value` among `sources` that have rows. */
function statesAmong(
  graph: Graph,
  sources: ReadonlySet<ValueId>,
  known: ReadonlyMap<string, State>,
): readonly State[] {
  return [...sources].flatMap((id) => {
    const { op } = nodeAt(graph, id);
    const state = op.kind === "state" ? known.get(op.name) : undefined;
    return state?.kind === "value" && state.type.axes.length > 0 ? [state] : [];
  });
}

/** The names of states that can be joined by their rows, those of one phase and one shape. */
function alike(states: readonly State[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { name, phase, type } of states) {
    const key = [phase, type.element, ...type.axes.slice(1)].join("|");
    found.set(key, [...(found.get(key) ?? []), name]);
  }
  return found;
}

function rowsOf({ axes }: TensorType): AxisName {
  const [rows] = axes;
  invariant(rows !== undefined, "pack-states: a state with rows");
  return rows;
}

/** `phase` with its packed states written as joins and read as slices. */
function repack(phase: Phase, packOf: ReadonlyMap<string, Pack>): Phase {
  const { name, kind, doc, writes, reads } = phase;
  if (![...writes.map(({ state }) => state), ...reads].some((state) => packOf.has(state)))
    return phase;
  const read = readPacked(phase.graph, packOf);
  const builder = GraphBuilder.without(read);
  for (const node of read.nodes) builder.append(node);
  for (const output of read.outputs) builder.addOutput(output.name, output.value);
  const values = new Map(writes.map(({ state, value }) => [state, value]));
  for (const { state, value } of writes) {
    const pack = packOf.get(state);
    if (pack === undefined) builder.addOutput(stateOutput(state), value);
    else if (pack.parts[0]?.name === state)
      builder.addOutput(stateOutput(pack.name), joined(builder, pack, values));
  }
  return phaseOf(name, kind, doc, builder.finish());
}

function joined(
  builder: GraphBuilder,
  { axis, parts }: Pack,
  values: ReadonlyMap<string, ValueId>,
): ValueId {
  const into = builder.addAxis(axis);
  const args = parts.map(({ name }) => {
    const value = values.get(name);
    invariant(value !== undefined, `pack-states: the phase leaves ${name}`);
    return value;
  });
  const [first] = args;
  invariant(first !== undefined, "pack-states: a pack has parts");
  const { origin } = builder.nodeOf(first);
  return builder.node({ kind: "join", into, parts: parts.map(({ rows }) => rows) }, args, origin);
}

/** `graph` with slices of packs in place of the states that lie in them. */
function readPacked(graph: Graph, packOf: ReadonlyMap<string, Pack>): Graph {
  const made = new Map<string, ValueId>();
  return rewriteGraph(graph, "pack-states", ({ op, origin }, _old, builder) => {
    const pack = op.kind === "state" ? packOf.get(op.name) : undefined;
    if (op.kind !== "state" || pack === undefined) return undefined;
    const { axis, type, parts } = pack;
    if (builder.axis(axis.name) === undefined) builder.addAxis(axis);
    const { element, axes } = op.type;
    const [rows, ...others] = axes;
    invariant(rows !== undefined, "pack-states: a state with rows");
    const whole: TensorType = { element, axes: [axis.name, ...others] };
    const state =
      made.get(pack.name) ??
      builder.node({ kind: "state", name: pack.name, type: whole }, [], origin);
    made.set(pack.name, state);
    invariant(equalTypes(whole, type), `pack-states: ${op.name} is read as it is left`);
    const start = parts.find(({ name }) => name === op.name)?.start;
    invariant(start !== undefined, `pack-states: ${op.name} is in its pack`);
    return builder.node({ kind: "slice", axis: axis.name, start, into: rows }, [state], origin);
  });
}
