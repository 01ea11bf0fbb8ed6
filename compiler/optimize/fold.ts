/** Computes at build time, in float64, what depends on nothing that is known only later. */

import type { NamedTensor } from "../graph/tensor.ts";
import { createContext, evaluateNode } from "../graph/evaluate.ts";
import type { GraphBuilder } from "../graph/build.ts";
import { type Graph, type Node, sizeOf, type ValueId } from "../graph/graph.ts";
import { rewriteGraph } from "../graph/rewrite.ts";
import { asConstant } from "../op/dimension.ts";
import { applyTable, type MapFunction, type OpTable } from "../op/op.ts";

/** A table with more numbers than this costs more to store and load than it saves. */
const largestTable = 2 ** 20;

/** A value that is known when building. */
interface Known {
  readonly value: NamedTensor;
  /** The most numbers that a costly operation gives on the way to this value; 0 for none. */
  readonly costly: number;
}

/**
 * Replaces values that depend on no input, weight, state or run-time size: a scalar by a `constant`,
 * others by a `table`.
 *
 * A tensor is replaced only where that saves work: if some costly operation (not mere index
 * arithmetic, a view or repetition) gives at least as many numbers. So `index` and convolution
 * offsets stay visible to later patterns, and an outer product is not written out.
 *
 * Sound because the evaluator defines the operations; float64 is at least as precise as any kernel.
 * What would not be finite stays as it is, so that no kernel holds a NaN or an infinity as literal.
 * Needs nothing; leaves the folded operands to `removeDead`.
 */
export function fold(graph: Graph): Graph {
  const known = new Map<ValueId, Known>();
  const environment = { sizes: new Map(), inputs: new Map(), weights: noWeight };
  const context = createContext(graph, environment, "float64");
  return rewriteGraph(graph, "fold", (node, _old, builder) => {
    const found = compute(graph, node, known, (args) => evaluateNode(node, args, context));
    if (found === undefined) return undefined;
    const id = replacementOf(node, found, builder) ?? builder.append(node);
    known.set(id, found);
    return id;
  });
}

function noWeight(name: string): never {
  throw new RangeError(`the weight ${name} is not known when folding`);
}

function compute(
  graph: Graph,
  node: Node,
  known: ReadonlyMap<ValueId, Known>,
  evaluate: (args: readonly NamedTensor[]) => NamedTensor,
): Known | undefined {
  const cost = applyTable(costs, node.op);
  if (cost === "unknown") return undefined;
  const count = constantCount(graph, node);
  if (count === undefined || count > largestTable) return undefined;
  const args = node.args.flatMap((arg) => known.get(arg) ?? []);
  if (args.length !== node.args.length) return undefined;
  const value = evaluate(args.map((arg) => arg.value));
  if (!value.data.every(Number.isFinite)) return undefined;
  const own = cost === "costly" ? Math.max(count, ...args.map((arg) => arg.value.data.length)) : 0;
  return { value, costly: Math.max(own, ...args.map((arg) => arg.costly)) };
}

function replacementOf(node: Node, known: Known, builder: GraphBuilder): ValueId | undefined {
  const { op, origin, type } = node;
  const { data } = known.value;
  const { element } = type;
  if (op.kind === "constant" || op.kind === "table") return undefined;
  const [value] = data;
  if (type.axes.length === 0 && value !== undefined)
    return builder.node({ kind: "constant", element, value }, [], origin);
  if (known.costly < data.length || data.length === 0) return undefined;
  return builder.node({ kind: "table", element, axes: type.axes, data: [...data] }, [], origin);
}

function constantCount(graph: Graph, node: Node): number | undefined {
  let count = 1;
  for (const axis of node.type.axes) {
    const size = asConstant(sizeOf(graph, axis));
    if (size === undefined) return undefined;
    count *= size;
  }
  return count;
}

/** Whether an operation can be computed when building, and whether doing so saves anything. */
type Cost = "unknown" | "cheap" | "costly";

const costs: OpTable<[], Cost> = {
  input: () => "unknown",
  weight: () => "unknown",
  constant: () => "cheap",
  table: () => "costly",
  size: () => "unknown",
  index: () => "cheap",
  measure: () => "unknown",
  map: (op) => (cheapFunctions.has(op.fn) ? "cheap" : "costly"),
  reduce: () => "costly",
  cumulative: () => "costly",
  contract: () => "costly",
  rename: () => "cheap",
  split: () => "cheap",
  merge: () => "cheap",
  slice: (op) => (asConstant(op.start) === undefined ? "unknown" : "cheap"),
  select: () => "costly",
  join: () => "costly",
  stack: () => "costly",
  attend: () => "costly",
  top: () => "costly",
  sort: () => "costly",
  state: () => "unknown",
  append: () => "unknown",
};

/** What a kernel computes faster than it loads. */
const cheapFunctions: ReadonlySet<MapFunction> = new Set<MapFunction>([
  "negate",
  "not",
  "abs",
  "relu",
  "floor",
  "ceil",
  "round",
  "float",
  "int",
  "add",
  "subtract",
  "multiply",
  "divide",
  "floor_divide",
  "remainder",
  "min",
  "max",
  "equal",
  "not_equal",
  "less",
  "less_equal",
  "and",
  "or",
  "where",
]);
