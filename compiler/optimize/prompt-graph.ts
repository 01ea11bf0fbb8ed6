/** The graph of `prompt`: the given rows in one call, where values as a whole depend on them. */

import { invariant } from "../../grammar/invariant.ts";
import { GraphBuilder } from "../graph/build.ts";
import { type Graph, type Node, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { type Dimension, substitute, symbolsOf } from "../op/dimension.ts";
import type { AttendOp, Op } from "../op/op.ts";
import { applyAgain } from "./apply-again.ts";
import { isGivenRows } from "../phase/attend-cells.ts";
import { maskOfGivenRows } from "../phase/given.ts";
import type { Growth } from "../phase/growth.ts";
import { stateOutput } from "../phase/phase-facts.ts";
import { addCacheAxis, addChoice, asCacheRows } from "./cache-rows.ts";
import type { SplitGraph } from "./split-segments.ts";
import { zerosOf } from "./zeros.ts";

/** What `prompt` must leave for `extend`, by the name of the state. */
export interface PromptStates {
  /** Values of the split graph. */
  readonly wholes: ReadonlyMap<string, ValueId>;
  /** Values of the split graph whose rows are cached, with the axis of the rows. */
  readonly caches: ReadonlyMap<string, { readonly value: ValueId; readonly axis: AxisName }>;
  /** The cache that says which rows were given, by its name, and the rows. */
  readonly given?: { readonly state: string; readonly rows: AxisName };
}

/**
 * Computes the last row of the logits of a whole prompt, and leaves the states that `extend` needs.
 * Attention is not split by segments beyond what its mask asks for, so that visual and text rows
 * share their projections. All rows were given: masks need not ask.
 */
export function promptGraph(
  split: SplitGraph,
  growth: Growth,
  logits: ValueId,
  states: PromptStates,
): Graph {
  const graph = allGiven(withWholeAttention(split), growth);
  const builder = GraphBuilder.without(graph);
  graph.nodes.forEach(({ op, args }, index) => {
    applyAgain(builder, split.graph, { ...nodeAt(split.graph, valueId(index)), op }, args);
  });
  const rows = nodeAt(graph, logits).type.axes.find((axis) => growth.rows.has(axis));
  invariant(rows !== undefined, "prompt: the logits have rows");
  addChoice(builder, logits, rows);
  for (const [name, value] of states.wholes) builder.addOutput(stateOutput(name), value);
  const cacheAxes = new Map<AxisName, AxisName>();
  const append = (state: string, value: ValueId, of: AxisName): void => {
    const into = cacheAxes.get(of) ?? addCacheAxis(builder, of);
    cacheAxes.set(of, into);
    const { origin } = builder.nodeOf(value);
    builder.node({ kind: "append", state, axis: of, into }, [value], origin);
  };
  for (const [name, { value, axis }] of states.caches) {
    const found = graph.axes.get(axis);
    invariant(found !== undefined, `prompt: there is no axis ${axis}`);
    const of = rowsOf(found, graph.axes).name;
    append(name, asCacheRows(builder, value, axis, of, builder.nodeOf(value).origin), of);
  }
  if (states.given !== undefined)
    append(states.given.state, ones(builder, logits, states.given.rows), states.given.rows);
  return builder.finish();
}

function ones(builder: GraphBuilder, near: ValueId, rows: AxisName): ValueId {
  const { origin } = builder.nodeOf(near);
  const zeros = zerosOf(builder, { element: "int", axes: [rows] }, origin);
  const one = builder.node({ kind: "constant", element: "int", value: 1 }, [], origin);
  return builder.node({ kind: "map", fn: "add" }, [zeros, one], origin);
}

/** The graph before its attentions were split for `extend`; ids stay what they are. */
function withWholeAttention({ graph, whole }: SplitGraph): Graph {
  const moved = (id: ValueId): ValueId => whole.get(id) ?? id;
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, args: node.args.map(moved) })),
  };
}

/** `graph` where all rows that grow were given: `T.given` is as long as `T`, masks do not ask. */
export function allGiven(graph: Graph, growth: Growth): Graph {
  invariant(growth.rows.size <= 1, "only one axis grows");
  // Sequences of given rows and indices into them have the number of given rows in their sizes.
  const counts = new Map(
    [...graph.axes].flatMap(([name, { size, lineage }]) => {
      if (!isGivenRows(graph, name) || lineage.kind !== "segment") return [];
      const all = sizeOf(graph, lineage.of);
      return [...symbolsOf(size)].map((symbol) => [symbol, all] as const);
    }),
  );
  const sized = (size: Dimension): Dimension => substitute(size, counts);
  const axes = new Map(
    [...graph.axes].map(([name, axis]) => [name, { ...axis, size: sized(axis.size) }] as const),
  );
  const masked = (op: AttendOp): AttendOp => ({
    ...op,
    parts: op.parts.map((part) => ({
      ...part,
      mask: maskOfGivenRows(part.mask, { shared: false }),
    })),
  });
  const opOf = ({ op }: Node): Op => {
    if (op.kind === "attend") return masked(op);
    if (op.kind === "size") return { ...op, size: sized(op.size) };
    if (op.kind === "measure") return { ...op, most: sized(op.most) };
    return op.kind === "slice" ? { ...op, start: sized(op.start) } : op;
  };
  return { ...graph, axes, nodes: graph.nodes.map((node) => ({ ...node, op: opOf(node) })) };
}
