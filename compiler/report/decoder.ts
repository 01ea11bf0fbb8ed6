/**
 * Which products belong to the decoder: those over rows of the sequence that holds the generated
 * tokens. The vision tower and the projector come before that sequence is joined, and the head that
 * gives logits has an axis of its own: papers count neither.
 *
 * Decided on the graph as written, by weights, so that the answer carries over to every graph that
 * passes and phases make of it.
 */

import { axisAt, type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";

/** The decoder of a model. */
export interface Decoder {
  /** The sequence of the generated tokens, or their own axis where it is part of no sequence. */
  readonly sequence: AxisName;
  /** The names of the weights that it multiplies rows of the sequence by. */
  readonly weights: ReadonlySet<string>;
}

/** The decoder of `graph`, as written; undefined where nothing is generated. */
export function decoderOf(graph: Graph): Decoder | undefined {
  const { generation } = graph;
  if (generation === undefined) return undefined;
  const sequence = sequenceOf(graph, generation.axis);
  const segments = new Set(axisAt(graph, sequence).segments.map((each) => each.axis));
  const rows = (axis: AxisName): AxisName => rowsOf(axisAt(graph, axis), graph.axes).name;
  const isWhole = (node: Node): boolean => node.type.axes.some((axis) => rows(axis) === sequence);
  const hasRows = (node: Node): boolean =>
    node.type.axes.some((axis) => rows(axis) === sequence || segments.has(rows(axis)));
  const logitAxes = nodeAt(graph, generation.logits).type.axes.filter(
    (axis) => axis !== generation.axis,
  );
  const givesLogits = (node: Node): boolean =>
    node.type.axes.some((axis) => logitAxes.includes(axis) && axis !== sequence);
  const read = weightsRead(graph);
  const joined: boolean[] = [];
  const weights = new Set<string>();
  for (const node of graph.nodes) {
    const after = isWhole(node) || node.args.some((arg) => joined[arg]);
    joined.push(after);
    if (node.op.kind !== "contract" || !after || !hasRows(node) || givesLogits(node)) continue;
    for (const name of productWeights(read, node.args)) weights.add(name);
  }
  return { sequence, weights };
}

/** The sequence that has `axis` as a segment, else `axis`. */
function sequenceOf(graph: Graph, axis: AxisName): AxisName {
  for (const each of graph.axes.values())
    if (each.lineage.kind === "own" && each.segments.some((segment) => segment.axis === axis))
      return each.name;
  return axis;
}

/** The products and attentions of `graph`, which came of the decoder's graph, that are its own. */
export function decoderProducts(decoder: Decoder, graph: Graph): ReadonlySet<ValueId> {
  const read = weightsRead(graph);
  const found = new Set<ValueId>();
  // By node: whether the products that it comes from, seen from there, are the decoder's.
  const projected: boolean[] = [];
  graph.nodes.forEach(({ op, args }, index) => {
    const names = op.kind === "contract" ? productWeights(read, args) : [];
    const from = op.kind === "attend" ? args.slice(0, 1) : args;
    const own =
      names.length === 0
        ? from.some((arg) => projected[arg])
        : names.some((name) => decoder.weights.has(name));
    projected.push(own);
    if (own && (op.kind === "contract" || op.kind === "attend")) found.add(valueId(index));
  });
  return found;
}

/** By node: the weights that it comes from, if it comes from weights and constants alone. */
function weightsRead(graph: Graph): readonly (readonly string[] | undefined)[] {
  const read: (readonly string[] | undefined)[] = [];
  for (const { op, args } of graph.nodes) {
    const of = args.map((arg) => read[arg]);
    if (op.kind === "weight") read.push([op.name]);
    else if (op.kind === "input" || op.kind === "state" || of.includes(undefined))
      read.push(undefined);
    else read.push([...new Set(of.flatMap((names) => names ?? []))]);
  }
  return read;
}

/** The weights that a product multiplies by. */
function productWeights(
  read: readonly (readonly string[] | undefined)[],
  args: readonly ValueId[],
): readonly string[] {
  return args.flatMap((arg) => read[arg] ?? []);
}
