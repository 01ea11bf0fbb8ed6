/** An order of regions in which each finds what it reads. */

import type { Graph, ValueId } from "../graph/graph.ts";
import { valuesRead } from "./reads.ts";
import { type Region, resultsOf } from "./region.ts";

/**
 * The regions, each after those that write what it reads, otherwise as they were; undefined if some
 * need each other.
 */
export function inOrder(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  regions: readonly Region[],
): readonly Region[] | undefined {
  const writers = new Map<ValueId, number[]>();
  for (const [index, region] of regions.entries()) {
    for (const { store } of resultsOf(region)) {
      const list = writers.get(store.value) ?? [];
      list.push(index);
      writers.set(store.value, list);
    }
  }
  const state = regions.map((): "open" | "entered" | "done" => "open");
  const ordered: Region[] = [];
  const enter = (index: number): boolean => {
    const region = regions[index];
    if (region === undefined || state[index] === "done") return true;
    if (state[index] === "entered") return false;
    state[index] = "entered";
    const before = valuesRead(graph, stored, region).flatMap((id) => writers.get(id) ?? []);
    if (!before.every((each) => each === index || enter(each))) return false;
    state[index] = "done";
    ordered.push(region);
    return true;
  };
  return regions.every((_, index) => enter(index)) ? ordered : undefined;
}
