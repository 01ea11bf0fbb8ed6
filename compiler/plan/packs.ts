/**
 * Which weights share a buffer: those of a kernel that binds more buffers than the target allows, and
 * what shares with them in other kernels.
 */

import type { WeightPack } from "../../runtime/contract.ts";
import { sourceKey } from "../fusion/region.ts";
import { type Graph, sizeOf } from "../graph/graph.ts";
import type { Target } from "../kernel/target.ts";
import { evaluateDimension } from "../op/dimension.ts";
import type { PreparedPhase } from "./prepare.ts";
import type { Signature } from "./signature.ts";

/** Elements that a weight's place is a multiple of, so that registers are read whole. */
const alignment = 4;

/** The weights that lie in a buffer with others, by name; `graph` declares them. */
export function weightPacks(
  graph: Graph,
  prepared: readonly PreparedPhase[],
  target: Target,
): ReadonlyMap<string, WeightPack> {
  const groups = new Map<string, Set<string>>();
  for (const { regions } of prepared) {
    for (const { signature } of regions) {
      if (bindings(signature) <= target.bindings) continue;
      const weights = signature.sources.flatMap((each) =>
        each.kind === "weight" ? [each.name] : [],
      );
      const members = new Set(weights.flatMap((name) => [name, ...(groups.get(name) ?? [])]));
      for (const name of members) groups.set(name, members);
    }
  }
  const packs = new Map<string, WeightPack>();
  for (const members of new Set(groups.values())) {
    // As declared, so that equal layers have equal offsets.
    const names = [...graph.weights.keys()].filter((name) => members.has(name));
    if (names.length < 2) continue;
    const buffer = `${names[0]}+${names.length - 1}`;
    let offset = 0;
    for (const name of names) {
      packs.set(name, { buffer, offset });
      offset += Math.ceil(elements(graph, name) / alignment) * alignment;
    }
  }
  return packs;
}

function bindings({ sources }: Signature): number {
  return new Set(sources.map(sourceKey)).size;
}

function elements(graph: Graph, weight: string): number {
  const axes = graph.weights.get(weight)?.axes ?? [];
  return axes.reduce(
    (product, axis) => product * evaluateDimension(sizeOf(graph, axis), new Map()),
    1,
  );
}
