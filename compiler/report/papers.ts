/**
 * FLOPs as papers count them: what the masks say of segments is applied, every layer is whole, scores
 * are dense over the query and key rows that are left, a multiply-add is 2, and only the decoder's
 * matrices and attentions count. Polynomials in the run-time sizes: made once, evaluated for any.
 */

import { nodeFlops } from "../graph/flops.ts";
import {
  axisAt,
  type Graph,
  type Node,
  nodeAt,
  sizeOf,
  type ValueId,
  valueId,
} from "../graph/graph.ts";
import { type AxisName, rowsOf } from "../op/axis.ts";
import { type Dimension, productOf, sumOf } from "../op/dimension.ts";
import { narrowRows } from "../optimize/narrow-rows.ts";
import { passes } from "../optimize/optimize.ts";
import { segmentsOf } from "../phase/attend-cells.ts";
import { type Decoder, decoderOf, decoderProducts } from "./decoder.ts";

/** Work of the decoder on one prompt, attentions and matrices apart. */
export interface DecoderFlops {
  readonly attention: Dimension;
  readonly products: Dimension;
  /** Numbers that its attentions and its matrix products give. */
  readonly attended: Dimension;
  readonly produced: Dimension;
}

/** The decoder's work as papers count it, and the steps that lead there. */
export interface PaperFlops {
  readonly decoder: Decoder;
  /** As the text has it: every row of every product and score that it writes. */
  readonly written: DecoderFlops;
  /** Without rows that the text itself leaves out where it takes segments of a value. */
  readonly read: DecoderFlops;
  /** With the masks' verdicts on segments: the figure that papers give. */
  readonly counted: DecoderFlops;
}

/** Counts the decoder of `graph`, a model as written; undefined where nothing is generated. */
export function paperFlops(graph: Graph): PaperFlops | undefined {
  const decoder = decoderOf(graph);
  if (decoder === undefined) return undefined;
  const of = (each: Graph): DecoderFlops => decoderFlops(decoder, each);
  return {
    decoder,
    written: of(graph),
    read: of(narrowRows(bySegments(withLastLayer(graph, decoder), decoder))),
    counted: of(optimizedWhole(graph, decoder)),
  };
}

/** All of the decoder's work. */
export function totalOf({ attention, products }: DecoderFlops): Dimension {
  return sumOf([attention, products]);
}

/** The work of the products and attentions of `graph` that are the decoder's. */
export function decoderFlops(decoder: Decoder, graph: Graph): DecoderFlops {
  const own = [...decoderProducts(decoder, graph)].map((id) => nodeAt(graph, id));
  const sum = (kind: "attend" | "contract", of: (node: Node) => Dimension): Dimension =>
    sumOf(own.flatMap((node) => (node.op.kind === kind ? [of(node)] : [])));
  const flops = (node: Node): Dimension => nodeFlops(graph, node);
  const numbers = ({ type }: Node): Dimension =>
    productOf(type.axes.map((axis) => sizeOf(graph, axis)));
  return {
    attention: sum("attend", flops),
    products: sum("contract", flops),
    attended: sum("attend", numbers),
    produced: sum("contract", numbers),
  };
}

/** `graph` after all passes, every row of its last layer demanded. */
function optimizedWhole(graph: Graph, decoder: Decoder): Graph {
  let current = withLastLayer(graph, decoder);
  for (const { name, apply } of passes) {
    if (name === "narrow-rows") current = bySegments(current, decoder);
    current = apply(current);
  }
  return current;
}

/** `graph` where the last rows over the whole sequence leave it, too. */
function withLastLayer(graph: Graph, decoder: Decoder): Graph {
  const rows = lastRows(graph, decoder);
  const outputs = [...rows].map((value, index) => ({ name: `${wholeLayer}${index}`, value }));
  return { ...graph, outputs: [...graph.outputs, ...outputs] };
}

/** What the names of outputs begin with that are all rows of a last layer. */
const wholeLayer = "whole layer ";

/** The rows of a last layer leave segment by segment, so that each may be computed as it is best. */
function bySegments(graph: Graph, decoder: Decoder): Graph {
  const nodes = [...graph.nodes];
  const outputs = graph.outputs.flatMap((output) => {
    const { type, origin } = nodeAt(graph, output.value);
    const axis = type.axes.find((each) => isWhole(graph, decoder, each));
    if (!output.name.startsWith(wholeLayer) || axis === undefined) return [output];
    return segmentsOf(graph, axis).map(({ axis: into, start }) => {
      const name = `${output.name} ${into}`;
      if (into === axis) return { name, value: output.value };
      const axes = type.axes.map((each) => (each === axis ? into : each));
      const op = { kind: "slice", axis, start, into } as const;
      const slice = { op, args: [output.value], type: { ...type, axes }, origin };
      return { name, value: valueId(nodes.push(slice) - 1) };
    });
  });
  return { ...graph, nodes, outputs };
}

/** The values over the whole sequence that are met first on the way back from what leaves. */
function lastRows(graph: Graph, decoder: Decoder): ReadonlySet<ValueId> {
  const last = new Set<ValueId>();
  const seen = new Set<ValueId>();
  const open: ValueId[] = graph.outputs.map((output) => output.value);
  if (graph.generation !== undefined) open.push(graph.generation.logits);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const node = nodeAt(graph, id);
    if (node.type.axes.some((axis) => isWhole(graph, decoder, axis))) last.add(id);
    else open.push(...node.args);
  }
  return last;
}

function isWhole(graph: Graph, { sequences }: Decoder, axis: AxisName): boolean {
  return sequences.includes(rowsOf(axisAt(graph, axis), graph.axes).name);
}
