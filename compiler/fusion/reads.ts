/** What a region reads from memory, and how many buffers its kernel binds. */

import { boundArguments } from "../graph/bound.ts";
import { type Graph, type Node, nodeAt, type ValueId } from "../graph/graph.ts";
import { type Computed, makesItsResult, resultsOf } from "./region.ts";
import { isMemory } from "./users.ts";

/** The values in memory that the kernel of `region` reads, in order, each once. */
export function valuesRead(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  region: Computed,
): readonly ValueId[] {
  return walk(graph, stored, region).read;
}

/** The values that the kernel of `region` computes, in no particular order. */
export function valuesComputed(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  region: Computed,
): readonly ValueId[] {
  return walk(graph, stored, region).computed;
}

/** How many buffers the kernel of `region` binds: its weights can be packed into one. */
export function buffersBound(graph: Graph, stored: ReadonlySet<ValueId>, region: Computed): number {
  const read = walk(graph, stored, region, boundOf).read;
  const isWeight = (id: ValueId): boolean => nodeAt(graph, id).op.kind === "weight";
  const weights = read.some(isWeight) ? 1 : 0;
  const written = new Set(resultsOf(region).map(({ store }) => store.value));
  const others = read.filter((id) => !isWeight(id) && !written.has(id));
  const isPaged = [...others, ...written].some((id) => {
    const { op } = nodeAt(graph, id);
    return op.kind === "append" && op.pages !== undefined;
  });
  return weights + others.length + written.size + (isPaged ? 1 : 0);
}

function boundOf({ op, args }: Node): readonly ValueId[] {
  return op.kind === "attend" ? boundArguments(op, args) : args;
}

function walk(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  region: Computed,
  argumentsOf: (node: Node) => readonly ValueId[] = ({ args }) => args,
): { readonly read: readonly ValueId[]; readonly computed: readonly ValueId[] } {
  const read = new Set<ValueId>();
  const computed = new Set<ValueId>();
  const enter = (id: ValueId): void => {
    computed.add(id);
    for (const arg of argumentsOf(nodeAt(graph, id))) visit(arg);
  };
  const visit = (id: ValueId): void => {
    if (read.has(id) || computed.has(id)) return;
    if (isMemory(nodeAt(graph, id).op) || stored.has(id)) read.add(id);
    else enter(id);
  };
  for (const each of resultsOf(region)) {
    if (makesItsResult(each)) enter(each.result);
    else visit(each.result);
  }
  return { read: [...read], computed: [...computed] };
}
