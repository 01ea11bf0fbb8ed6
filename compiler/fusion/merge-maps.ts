/**
 * Elementwise values and copies of a layer that do not need each other are one kernel: a call costs more
 * than most of them compute (rows of keys and values, which are copied into several caches).
 */

import { mostBuffers } from "../graph/bound.ts";
import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { layerOf } from "./layer.ts";
import { buffersBound, valuesRead } from "./reads.ts";
import {
  makesItsResult,
  type Region,
  type Result,
  resultsOf,
  sourceKey,
  withResults,
} from "./region.ts";
import { isMemory } from "./users.ts";

/**
 * `regions`, where elementwise ones join an earlier one of their layer as far as a kernel may bind
 * their memory. Those of different layers stay apart, so that layers are alike.
 */
export function mergeMaps(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  regions: readonly Region[],
): readonly Region[] {
  const merged: Region[] = [];
  const open: Group[] = [];
  const close = (count: number): void => {
    merged.push(...open.splice(0, count).map(({ region }) => region));
  };
  for (const region of regions) {
    const added = groupOf(graph, stored, region);
    // Nothing moves over another layer: what is computed early is kept for long.
    const last = open.findLastIndex((group) => group.region.kind !== "map");
    if (region.kind !== "map" && open[last]?.layer !== added.layer) close(last + 1);
    const first = open.findLastIndex((group) => needEachOther(group, added)) + 1;
    const at = open.findIndex(
      (group, index) => index >= first && fits(graph, stored, group, added),
    );
    const group = open[at];
    if (group === undefined) open.push(added);
    else open[at] = groupOf(graph, stored, withResults(group.region, resultsOf(region)));
    // What is read back is waited for: sizes of what follows may be what was read.
    if (isMeasured(graph, region)) close(open.length);
  }
  close(open.length);
  return merged;
}

function isMeasured(graph: Graph, region: Region): boolean {
  return resultsOf(region).some(({ store }) => nodeAt(graph, store.value).op.kind === "measure");
}

/** A region, with the keys of the memory that it reads and writes. */
interface Group {
  readonly region: Region;
  readonly layer: string;
  readonly reads: ReadonlySet<string>;
  /** With the value that each is written for. */
  readonly writes: ReadonlyMap<string, ValueId>;
}

function groupOf(graph: Graph, stored: ReadonlySet<ValueId>, region: Region): Group {
  const reads = valuesRead(graph, stored, region).map((value) => {
    const { op } = nodeAt(graph, value);
    if (op.kind === "state") return sourceKey({ kind: "state", name: op.name });
    if (op.kind === "append") return sourceKey({ kind: "state", name: op.state });
    return sourceKey({ kind: "value", value });
  });
  const writes = resultsOf(region).map(
    ({ store }) => [sourceKey(store.target), store.value] as const,
  );
  const layer = layerOf(nodeAt(graph, region.store.value).origin.path);
  return { region, layer, reads: new Set(reads), writes: new Map(writes) };
}

/** Whether one of two writes what the other reads, or writes for another value. */
function needEachOther(a: Group, b: Group): boolean {
  return (
    [...a.writes].some(
      ([key, value]) => b.reads.has(key) || (b.writes.get(key) ?? value) !== value,
    ) || [...b.writes.keys()].some((key) => a.reads.has(key))
  );
}

/** Whether two are elementwise, and little enough for one kernel; weights are not packed for it. */
function fits(graph: Graph, stored: ReadonlySet<ValueId>, a: Group, b: Group): boolean {
  if (!isElementwise(graph, a.region) || !isElementwise(graph, b.region)) return false;
  if (a.layer !== b.layer) return false;
  const both = withResults(a.region, resultsOf(b.region));
  const weights = valuesRead(graph, stored, both).filter(
    (id) => nodeAt(graph, id).op.kind === "weight",
  );
  return weights.length <= 1 && buffersBound(graph, stored, both) <= mostBuffers;
}

/** An input that is an output as it came is read and written under one name: it stays alone. */
function isElementwise(graph: Graph, region: Region): boolean {
  const isLeft = (each: Result): boolean =>
    makesItsResult(each) && isMemory(nodeAt(graph, each.result).op);
  return region.kind === "map" && !resultsOf(region).some(isLeft);
}
