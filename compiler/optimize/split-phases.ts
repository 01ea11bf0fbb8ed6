/** From one graph to the phases in which it runs. */

import { invariant } from "../../grammar/invariant.ts";
import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import type { Op } from "../op/op.ts";
import { equalTypes } from "../op/type.ts";
import { isJoined } from "../phase/attend-cells.ts";
import { cutGraph } from "../phase/cut-graph.ts";
import { readsOf } from "../phase/dependence.ts";
import { asksGiven } from "../phase/given.ts";
import { type Growth, growthOf } from "../phase/growth.ts";
import type { Phase, Phases, State } from "../phase/phase.ts";
import { phaseOf } from "../phase/phase-facts.ts";
import { proveStability, stabilityErrors, type StabilityProof } from "../phase/stability.ts";
import { StateNames } from "../phase/state-names.ts";
import { staticPhases } from "../phase/static-phases.ts";
import { type Stream, streamsOf } from "../phase/streams.ts";
import { givenCache } from "./cache-rows.ts";
import { computedFor } from "./demand.ts";
import { forKernels } from "./for-kernels.ts";
import { type ExtendGraph, extendGraph } from "./extend-graph.ts";
import { narrowRows } from "./narrow-rows.ts";
import { packStates } from "./pack-states.ts";
import { allGiven, promptGraph } from "./prompt-graph.ts";
import { readCached } from "./read-cached.ts";
import { share } from "./share.ts";
import { removeDead } from "./remove-dead.ts";
import { defaultBlock, ringCaches } from "./ring-caches.ts";
import { type SplitGraph, splitSegments } from "./split-segments.ts";

/** The phases, and why the model may generate from caches. */
export interface PhaseSplit extends Phases {
  /** Absent where nothing is generated. */
  readonly proof?: StabilityProof;
}

/** How caches hold their rows. */
export interface CacheOptions {
  /** New rows that caches which forget have room for at once. */
  readonly block?: number;
  /** Rows of a page, which conversations share; without it, each cache is one piece of memory. */
  readonly pages?: number;
}

/**
 * Splits a graph, whose attention is split where that pays and whose rows are narrowed, into static
 * phases, `prompt` where values as a whole depend on the prompt, `extend` over caches, and `forward`.
 * Caches hold rows as `caches` says. Mistakes are shown in masks of `written`, the graph before it was
 * optimised.
 */
export function splitPhases(
  graph: Graph,
  { block = defaultBlock, pages }: CacheOptions = {},
  written: Graph = graph,
): PhaseSplit {
  const cut = cutPhases(graph, written);
  const shaped = cut.phases.map(forKernels);
  const placed = pages === undefined ? shaped : shaped.map((each) => paged(each, pages));
  const split = { ...cut, ...packStates({ phases: placed, states: cut.states }) };
  if (pages !== undefined) return split;
  const extend = split.phases.find(({ kind }) => kind === "extend");
  // The rows of a prompt come at once, however many: a ring would have no room for them.
  if (extend === undefined || split.phases.some(({ kind }) => kind === "prompt")) return split;
  const ringed = ringCaches(extend, split.states, growthOf(graph), block);
  const phases = split.phases.map((phase) => (phase === extend ? ringed.extend : phase));
  return { ...split, phases, states: ringed.states };
}

/** `phase` with its caches in pages of so many rows: an address, nothing else. */
function paged(phase: Phase, pages: number): Phase {
  const nodes = phase.graph.nodes.map((node) =>
    node.op.kind === "append" ? { ...node, op: { ...node.op, pages } } : node,
  );
  return { ...phase, graph: { ...phase.graph, nodes } };
}

function cutPhases(graph: Graph, written: Graph): PhaseSplit {
  const names = new StateNames(graph);
  const fixed = staticPhases(graph, readsOf(graph), names);
  const statics = fixed.phases;
  const roots = [
    ...graph.outputs,
    ...(graph.generation === undefined
      ? []
      : [{ name: " logits", value: graph.generation.logits }]),
  ];
  const cut = cutGraph(graph, roots, fixed.held).graph;
  const dynamic = { ...cut, outputs: cut.outputs.filter((output) => output.name !== " logits") };
  const forward = forwardPhase(dynamic);
  if (dynamic.generation === undefined)
    return { phases: [...statics, forward], states: fixed.states, diagnostics: [] };
  const generating = generationPhases(dynamic, dynamic.generation.logits, written);
  return {
    phases: [...statics, ...generating.phases, forward],
    states: [...fixed.states, ...generating.states],
    diagnostics: generating.diagnostics,
    proof: generating.proof,
  };
}

/** The graph as it is: its rows are narrowed for all that it gives. */
function forwardPhase(graph: Graph): Phase {
  const whole = graph.generation === undefined ? graph : allGiven(graph, growthOf(graph));
  const doc = "All outputs for all rows at once, without caches.";
  return phaseOf("forward", "forward", doc, cutGraph(whole, graph.outputs, new Map()).graph);
}

type Generating = Required<PhaseSplit>;

function generationPhases(graph: Graph, logits: ValueId, written: Graph): Generating {
  const split = splitGrowing(graph, growthOf(graph));
  const growth = growthOf(split.graph);
  const at = split.moved[logits];
  invariant(at !== undefined, "split-phases lost the logits");
  const computed = computedFor(split.graph, [at]);
  const proof = proveStability(split.graph, growth, computed);
  const diagnostics = stabilityErrors(split.graph, proof, written);
  if (diagnostics.length > 0) return { phases: [], states: [], diagnostics, proof };
  const streams = streamsOf(split.graph, growth);
  const build = (afterPrompt: boolean): ExtendGraph =>
    settle(extendGraph({ graph: split.graph, growth, streams, logits: at, afterPrompt }), growth);
  // A guess that is nearly always right; the graph itself says whether it reads what a prompt leaves.
  const asks = asksGivenRows(split.graph, computed);
  const guess = asks || readsWhole(split.graph, streams, computed);
  const first = build(guess);
  const needs = first.wholes.size > 0 || asks;
  const extended = named(split.graph, needs === guess ? first : build(needs));
  const extend = phaseOf("extend", "extend", extendDoc(needs), extended.graph);
  const prompt = needs ? [promptPhase(split, growth, at, extended)] : [];
  const states = statesOf(extend, prompt[0]);
  return { phases: [...prompt, extend], states, diagnostics: [], proof };
}

/** Whether a value that grows reads one of the prompt as a whole. */
function readsWhole(
  graph: Graph,
  streams: readonly Stream[],
  computed: readonly ValueId[],
): boolean {
  const live = new Set(computed);
  return computed.some(
    (id) =>
      streams[id] === "rows" &&
      nodeAt(graph, id).args.some((arg) => streams[arg] === "whole" && live.has(arg)),
  );
}

function asksGivenRows(graph: Graph, computed: readonly ValueId[]): boolean {
  return computed.some((id) => {
    const { op } = nodeAt(graph, id);
    return op.kind === "attend" && op.parts.some((part) => asksGiven(part.mask));
  });
}

/** Splits every attention of or over rows that grow with others; the graph itself if all are. */
function splitGrowing(graph: Graph, growth: Growth): SplitGraph {
  const joined = ({ op }: Node): boolean => op.kind === "attend" && isJoined(graph, growth, op);
  if (graph.nodes.some(joined)) return splitSegments(graph, (_, op) => isJoined(graph, growth, op));
  return { graph, whole: new Map(), moved: graph.nodes.map((_, index) => valueId(index)) };
}

/** `extend` without what its last row does not need; equal rows are cached once. */
function settle(extended: ExtendGraph, growth: Growth): ExtendGraph {
  const narrowed = narrowRows(withoutGeneration(extended.graph));
  const graph = removeDead(readCached(share(shareCaches(narrowed))));
  for (const { op } of graph.nodes)
    if (op.kind === "attend")
      for (const { axis } of op.parts)
        invariant(!growth.axes.has(axis), `extend: the keys ${axis} grow and are not cached`);
  const read = new Set(graph.nodes.flatMap(({ op }) => (op.kind === "state" ? [op.name] : [])));
  const kept = new Set(graph.nodes.flatMap(({ op }) => (op.kind === "append" ? [op.state] : [])));
  return {
    graph,
    wholes: new Map([...extended.wholes].filter(([name]) => read.has(name))),
    caches: new Map([...extended.caches].filter(([name]) => kept.has(name))),
  };
}

function withoutGeneration({ generation: _, ...graph }: Graph): Graph {
  return graph;
}

/** Caches of one value become the first of them. */
function shareCaches(graph: Graph): Graph {
  const first = new Map<ValueId, ValueId>();
  const moved: ValueId[] = [];
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const args = node.args.map((arg) => moved[arg] ?? arg);
    const [arg] = args;
    const known = node.op.kind === "append" && arg !== undefined ? first.get(arg) : undefined;
    const id = known ?? valueId(nodes.push({ ...node, args }) - 1);
    if (node.op.kind === "append" && arg !== undefined) first.set(arg, id);
    moved.push(id);
  }
  const outputs = graph.outputs.map((each) => ({
    ...each,
    value: moved[each.value] ?? each.value,
  }));
  return { ...graph, nodes, outputs };
}

/** `extended` with the final names of its states, given in the order of the values. */
function named(split: Graph, extended: ExtendGraph): ExtendGraph {
  const names = new StateNames(split);
  const final = new Map<string, string>([[givenCache, givenCache]]);
  const wholes = [...extended.wholes].sort(([, a], [, b]) => a - b);
  const caches = [...extended.caches].sort(([, a], [, b]) => a.value - b.value);
  for (const [name, id] of wholes) final.set(name, names.name(id, "prompt"));
  for (const [name, { value }] of caches) final.set(name, names.name(value, ""));
  const rename = (op: Op): Op => {
    if (op.kind === "state") return { ...op, name: final.get(op.name) ?? op.name };
    return op.kind === "append" ? { ...op, state: final.get(op.state) ?? op.state } : op;
  };
  return {
    graph: {
      ...extended.graph,
      nodes: extended.graph.nodes.map((node) => ({ ...node, op: rename(node.op) })),
    },
    wholes: new Map(wholes.map(([name, id]) => [final.get(name) ?? name, id])),
    caches: new Map(caches.map(([name, each]) => [final.get(name) ?? name, each])),
  };
}

function promptPhase(
  split: SplitGraph,
  growth: Growth,
  logits: ValueId,
  { graph, wholes, caches }: ExtendGraph,
): Phase {
  const flags = graph.nodes.flatMap(({ op }) =>
    op.kind === "append" && op.state === givenCache ? [op.axis] : [],
  );
  const [rows] = flags;
  const given = rows === undefined ? {} : { given: { state: givenCache, rows } };
  const whole = promptGraph(split, growth, logits, { wholes, caches, ...given });
  const doc = "The given rows, all at once: rows of other segments depend on them.";
  const narrow = narrowRows(withoutGeneration(whole));
  return phaseOf("prompt", "prompt", doc, removeDead(narrow));
}

function extendDoc(afterPrompt: boolean): string {
  return afterPrompt
    ? "New rows over the caches that `prompt` filled: a step of generation, or a further question."
    : "New rows over the caches: the prompt where they are empty, then a step of generation.";
}

/** What `prompt` leaves and `extend` caches. */
function statesOf(extend: Phase, prompt: Phase | undefined): readonly State[] {
  const values = (prompt?.writes ?? []).map(({ state, value }): State => {
    const { type } = nodeAt(prompt?.graph ?? extend.graph, value);
    return { name: state, kind: "value", type, phase: "prompt" };
  });
  const caches = extend.graph.nodes.flatMap(({ op, type }): State[] =>
    op.kind === "append" ? [{ name: op.state, kind: "cache", type, phase: "extend" }] : [],
  );
  checkLayouts(extend, prompt, [...values, ...caches]);
  return [...values, ...caches];
}

/** A state lies in memory as its phase leaves it: every reader and writer must agree. */
function checkLayouts(extend: Phase, prompt: Phase | undefined, states: readonly State[]): void {
  const types = new Map(states.map((state) => [state.name, state.type]));
  for (const { op, type } of [...extend.graph.nodes, ...(prompt?.graph.nodes ?? [])]) {
    const name = op.kind === "state" ? op.name : op.kind === "append" ? op.state : undefined;
    const wanted = name === undefined ? undefined : types.get(name);
    invariant(
      wanted === undefined || equalTypes(wanted, type),
      `the state ${name} is [${wanted?.axes.join(", ")}] and [${type.axes.join(", ")}]`,
    );
  }
}
