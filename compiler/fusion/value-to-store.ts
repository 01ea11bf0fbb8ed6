/** Where a region whose kernel would bind more memory than a device allows is cut in two. */

import { mostBuffers } from "../graph/bound.ts";
import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { buffersBound, valuesComputed } from "./reads.ts";
import { type Fused, type Region, resultsOf } from "./region.ts";
import { isLeaf, isView } from "./users.ts";

/**
 * A value that should lie in memory, since a kernel that computes it beside other things binds too
 * much: the one that leaves least to bind for both the kernel that makes it and the one that reads it.
 * Undefined where all kernels fit, or nothing helps.
 */
export function valueToStore(graph: Graph, { regions, stored }: Fused): ValueId | undefined {
  for (const region of regions) {
    const bound = buffersBound(graph, stored, region);
    if (bound <= mostBuffers) continue;
    const best = cheapest(graph, stored, region);
    if (best !== undefined && best.bound < bound) return best.value;
  }
  return undefined;
}

interface Cut {
  readonly value: ValueId;
  /** The most buffers of the two kernels that it leaves. */
  readonly bound: number;
  readonly rank: number;
}

function cheapest(graph: Graph, stored: ReadonlySet<ValueId>, region: Region): Cut | undefined {
  const results = new Set(resultsOf(region).map(({ result }) => result));
  const cuts = valuesComputed(graph, stored, region).flatMap((value): readonly Cut[] => {
    const { op, type } = nodeAt(graph, value);
    if (results.has(value) || stored.has(value) || isLeaf(op) || isView(op)) return [];
    const store = { value, target: { kind: "value", value }, rows: [] } as const;
    const own = buffersBound(graph, stored, { result: value, store });
    const rest = buffersBound(graph, new Set([...stored, value]), region);
    return [{ value, bound: Math.max(own, rest), rank: type.axes.length }];
  });
  // Of equals the smaller one, then the one that most went into.
  cuts.sort((a, b) => a.bound - b.bound || a.rank - b.rank || b.value - a.value);
  return cuts[0];
}
