/** What one region computes as a graph by itself: what it reads from memory are inputs. */

import { type Region, resultsOf } from "../fusion/region.ts";
import { GraphBuilder } from "../graph/build.ts";
import { type Graph, nodeAt, type ValueId } from "../graph/graph.ts";

/** The graph of a region, and which value of the whole graph each of its inputs is. */
export interface RegionGraph {
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, ValueId>;
}

/** Cuts `region` out of `graph`; `lies` says what is in memory. */
export function regionGraph(
  graph: Graph,
  lies: (value: ValueId) => boolean,
  region: Region,
): RegionGraph {
  const builder = new GraphBuilder(graph.name, graph.sources);
  for (const axis of graph.axes.values()) builder.addAxis(axis);
  const inputs = new Map<string, ValueId>();
  const made = new Map<ValueId, ValueId>();
  const results = resultsOf(region);
  const own = new Set(results.map(({ result }) => result));
  const visit = (id: ValueId): ValueId => {
    const before = made.get(id);
    if (before !== undefined) return before;
    const node = nodeAt(graph, id);
    const { op, type, origin } = node;
    const read = ["input", "weight", "state", "append"].includes(op.kind);
    const value =
      read || (lies(id) && !own.has(id))
        ? taken(id)
        : builder.append({ ...node, args: node.args.map(visit) });
    made.set(id, value);
    return value;

    function taken(from: ValueId): ValueId {
      const name = `v${from}`;
      inputs.set(name, from);
      builder.addInput({ name, role: "tensor", type, doc: "" });
      return builder.append({
        op: { kind: "input", name, role: "tensor" },
        args: [],
        type,
        origin,
      });
    }
  };
  for (const { result } of results) builder.addOutput(resultName(result), visit(result));
  return { graph: builder.finish(), inputs };
}

/** What the output of such a graph is called that is a result of the region. */
export function resultName(result: ValueId): string {
  return `v${result}`;
}
