/** What a region reads from memory. */

import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";
import { makesItsResult, type Region, resultsOf } from "./region.ts";

/** The values in memory that the kernel of `region` reads, in order, each once. */
export function valuesRead(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  region: Region,
): readonly ValueId[] {
  const found = new Set<ValueId>();
  const seen = new Set<ValueId>();
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    const { op, args } = nodeAt(graph, id);
    const leaf = ["input", "weight", "table", "state", "append"].includes(op.kind);
    if (leaf || stored.has(id)) found.add(id);
    else for (const arg of args) visit(arg);
  };
  for (const each of resultsOf(region)) {
    if (!makesItsResult(each)) {
      visit(each.result);
      continue;
    }
    seen.add(each.result);
    for (const arg of nodeAt(graph, each.result).args) visit(arg);
  }
  return [...found];
}
