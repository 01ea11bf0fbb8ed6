/** Products of the same left rows become one region, as far as a kernel may bind their memory. */

import { mostBuffers } from "../graph/bound.ts";
import type { Graph, ValueId } from "../graph/graph.ts";
import type { ProductGroup } from "./product-epilogues.ts";
import { buffersBound } from "./reads.ts";
import { type Region, withResults } from "./region.ts";

/** `regions`, each with one result, where the products that can be one kernel are one region. */
export function mergeProducts(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  groups: readonly ProductGroup[],
  regions: readonly Region[],
): readonly Region[] {
  const groupOf = new Map<ValueId, ProductGroup>();
  for (const group of groups) for (const end of group.ends) groupOf.set(end, group);
  const merged: Region[] = [];
  const last = new Map<string, number>();
  for (const members of inGroups(regions, groupOf)) {
    const [first, ...others] = members;
    if (first === undefined) continue;
    const region = others.length === 0 ? first : withResults(first, others);
    const group = first.kind === "contract" ? groupOf.get(first.result) : undefined;
    const at = group === undefined ? undefined : last.get(group.cluster);
    const before = at === undefined ? undefined : merged[at];
    const both = before && withResults(before, [region, ...(region.besides ?? [])]);
    if (
      at !== undefined &&
      both !== undefined &&
      buffersBound(graph, stored, both) <= mostBuffers
    ) {
      merged[at] = both;
      continue;
    }
    merged.push(region);
    if (group !== undefined) last.set(group.cluster, merged.length - 1);
  }
  return merged;
}

/** The regions of each group of products together, at the place of the first; others alone. */
function inGroups(
  regions: readonly Region[],
  groupOf: ReadonlyMap<ValueId, ProductGroup>,
): readonly (readonly Region[])[] {
  const lists = new Map<ProductGroup | Region, Region[]>();
  for (const region of regions) {
    const group = region.kind === "contract" ? groupOf.get(region.result) : undefined;
    const list = lists.get(group ?? region) ?? [];
    list.push(region);
    lists.set(group ?? region, list);
  }
  return [...lists.values()];
}
