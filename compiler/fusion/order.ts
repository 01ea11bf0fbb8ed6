/** An order of regions in which each finds what it reads. */

import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { valuesComputed, valuesRead } from "./reads.ts";
import { type Region, resultsOf } from "./region.ts";
import { isView, type Users } from "./users.ts";

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

/**
 * The regions in an order in which rows are copied out of the phase (into caches, into what it leaves)
 * as soon as they are there, so that the memory that they are copied from is free again. Nothing in
 * the phase reads those copies.
 */
export function copiesFirst(
  graph: Graph,
  users: Users,
  stored: ReadonlySet<ValueId>,
  regions: readonly Region[],
): readonly Region[] {
  const last = new Map<ValueId, number>();
  regions.forEach((region, index) => {
    for (const { store } of resultsOf(region)) last.set(store.value, index);
  });
  const places = regions.map((region, index) => {
    if (!isCopy(graph, stored, region) || (users[region.store.value] ?? []).length > 0)
      return index;
    const read = valuesRead(graph, stored, region).map((id) => last.get(id) ?? -1);
    return Math.max(-1, ...read);
  });
  // Sorting keeps the order of equals: a copy comes after what it reads.
  return [...regions.keys()]
    .sort((a, b) => (places[a] ?? a) - (places[b] ?? b) || a - b)
    .flatMap((index) => regions[index] ?? []);
}

/** Whether a region does nothing but move rows. */
function isCopy(graph: Graph, stored: ReadonlySet<ValueId>, region: Region): boolean {
  if (region.kind !== "map") return false;
  const computed = valuesComputed(graph, stored, region);
  return computed.every((id) => isView(nodeAt(graph, id).op));
}
