/** The consequences of a model's masks, one step at a time, with the graph after each. */

import { type Graph, nodeAt, type Output, type ValueId } from "../graph/graph.ts";
import {
  type Consequence,
  narrowedProducts,
  phaseFacts,
  verdictFacts,
} from "../phase/consequences.ts";
import { type Growth, growthOf } from "../phase/growth.ts";
import { narrowBound, splitWherePays } from "./bind-rows.ts";
import { narrowRows } from "./narrow-rows.ts";
import { passes } from "./optimize.ts";
import { removeDead } from "./remove-dead.ts";
import { type PhaseSplit, splitPhases } from "./split-phases.ts";

/** The graphs between which figures are differences, and the facts of each step. */
export interface Explanation {
  /** As checked: every row of every layer, every score. */
  readonly checked: Graph;
  /** With what the mask says of whole segments: zeros, own values, key segments left out. */
  readonly verdicts: Graph;
  /** Without queries that nobody reads, every row of every layer's output being wanted. */
  readonly queries: Graph;
  /** With only the rows that the outputs want. */
  readonly demand: Graph;
  readonly phases: PhaseSplit;
  /** In the order of the steps. */
  readonly consequences: readonly Consequence[];
}

/** Explains `graph`, which the checker has made. */
export function explain(graph: Graph): Explanation {
  const checked = beforeSplit(graph);
  const growth = growthOf(checked);
  const split = splitWherePays(checked);
  const verdicts = removeDead(split);
  const queries = narrowRows(wantingWholeLayers(split, growth));
  const demand = narrowBound(split);
  const phases = splitPhases(demand);
  return {
    checked,
    verdicts,
    queries,
    demand,
    phases,
    consequences: [
      ...verdictFacts(checked, growth),
      { kind: "queries", products: narrowedProducts(verdicts, queries) },
      { kind: "demand", products: narrowedProducts(queries, demand) },
      ...phaseFacts(phases.phases, phases.proof),
    ],
  };
}

/** The graph after the passes that look at no mask. */
function beforeSplit(graph: Graph): Graph {
  const end = passes.findIndex((pass) => pass.apply === splitWherePays);
  return passes.slice(0, end).reduce((current, pass) => pass.apply(current), graph);
}

/** `graph` with an output more for each sequence of which what leaves it takes some segment. */
function wantingWholeLayers(graph: Graph, growth: Growth): Graph {
  const { generation } = graph;
  const ends = graph.outputs.map((output) => output.value);
  const whole = lastSequences(graph, growth, generation ? [...ends, generation.logits] : ends);
  const outputs = whole.map((value): Output => ({ name: `sequence ${value}`, value }));
  return { ...graph, outputs: [...graph.outputs, ...outputs] };
}

/** Going back from `ends`, the first values of which a segment is taken. */
function lastSequences(graph: Graph, growth: Growth, ends: readonly ValueId[]): readonly ValueId[] {
  const found = new Set<ValueId>();
  const seen = new Set<ValueId>();
  const open = [...ends];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const { op, args } = nodeAt(graph, id);
    const [source] = args;
    const taken =
      op.kind === "slice" &&
      growth.axes.has(op.axis) &&
      (graph.axes.get(op.axis)?.segments.length ?? 0) > 0;
    if (taken && source !== undefined) found.add(source);
    else open.push(...args);
  }
  return [...found].sort((a, b) => a - b);
}
