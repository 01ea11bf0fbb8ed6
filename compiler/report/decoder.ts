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
  /**
   * The sequences of the generated tokens, in order: several where rows leave on the way. Or the tokens'
   * own axis where it is part of no sequence.
   */
  readonly sequences: readonly AxisName[];
  /** The names of the weights that it multiplies rows of the sequence by. */
  readonly weights: ReadonlySet<string>;
}

/** The decoder of `graph`, as written; undefined where nothing is generated. */
export function decoderOf(graph: Graph): Decoder | undefined {
  const { generation } = graph;
  if (generation === undefined) return undefined;
  const sequences = sequencesOf(graph, generation.axis);
  const segments = new Set(
    sequences.flatMap((axis) => axisAt(graph, axis).segments.map((each) => each.axis)),
  );
  const rows = (axis: AxisName): AxisName => rowsOf(axisAt(graph, axis), graph.axes).name;
  const isSequence = (axis: AxisName): boolean => sequences.includes(rows(axis));
  const isWhole = (node: Node): boolean => node.type.axes.some(isSequence);
  const hasRows = (node: Node): boolean =>
    node.type.axes.some((axis) => isSequence(axis) || segments.has(rows(axis)));
  const logitAxes = nodeAt(graph, generation.logits).type.axes.filter(
    (axis) => axis !== generation.axis,
  );
  const givesLogits = (node: Node): boolean =>
    node.type.axes.some((axis) => logitAxes.includes(axis) && !sequences.includes(axis));
  const read = weightsRead(graph);
  const joined: boolean[] = [];
  const weights = new Set<string>();
  for (const node of graph.nodes) {
    const after = isWhole(node) || node.args.some((arg) => joined[arg]);
    joined.push(after);
    if (node.op.kind !== "contract" || !after || !hasRows(node) || givesLogits(node)) continue;
    for (const name of productWeights(read, node.args)) weights.add(name);
  }
  return { sequences, weights };
}

/** The sequences that have `axis` as a segment, else `axis`. */
function sequencesOf(graph: Graph, axis: AxisName): readonly AxisName[] {
  const found = [...graph.axes.values()].filter(
    ({ lineage, segments }) =>
      lineage.kind === "own" && segments.some((segment) => segment.axis === axis),
  );
  return found.length === 0 ? [axis] : found.map(({ name }) => name);
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
