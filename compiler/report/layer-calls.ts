/**
 * How many kernels a phase calls for a layer of the decoder. A plain layer has products with seven
 * weights (queries, keys, values, output; gate, up, down), all of the same rows, one attention and two
 * norms; what a layer has beyond (adapters, norms of heads, queries of fewer rows) needs kernels of its
 * own. Layers whose rows choose what they go through (experts) have no number of calls to be held to.
 */

import { ownCost } from "../fusion/cost.ts";
import { layerOf } from "../fusion/layer.ts";
import { resultsOf } from "../fusion/region.ts";
import { viewed } from "../graph/bound.ts";
import { type Graph, type Node, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { productRoles } from "../graph/product-roles.ts";
import type { PreparedPhase } from "../plan/prepare.ts";
import type { Decoder } from "./decoder.ts";

/** The most calls that any layer takes. */
export interface LayerCalls {
  readonly calls: number;
  /** The same without one for each product, set of rows and reduction that a plain layer has not. */
  readonly plain: number;
}

const [plainProducts, plainReductions] = [7, 2];

/**
 * What the layers of `prepared` take; undefined if no layer of the decoder attends there. What
 * comes of inputs without a product or a reduction is not the layer's (embeddings, tables of positions,
 * which the first one finds for all). An attention is `callsOfAttention` calls.
 */
export function layerCalls(
  { phase: { graph }, regions }: PreparedPhase,
  decoder: Decoder,
  callsOfAttention: number,
): LayerCalls | undefined {
  const inside = valuesInside(graph);
  const layers = new Map<string, { calls: number; attends: boolean }>();
  for (const { region } of regions) {
    if (!resultsOf(region).some(({ result }) => inside.has(result))) continue;
    const layer = layerOf(nodeAt(graph, region.store.value).origin.path);
    const before = layers.get(layer) ?? { calls: 0, attends: false };
    const attends = region.kind === "attend";
    const calls = before.calls + (attends ? callsOfAttention : 1);
    layers.set(layer, { calls, attends: before.attends || attends });
  }
  const work = layerWork(graph, decoder);
  const all = [...layers].flatMap(([layer, { calls, attends }]): readonly LayerCalls[] => {
    const more = work.get(layer);
    return more === undefined || !attends ? [] : [{ calls, plain: calls - more }];
  });
  if (all.length === 0) return undefined;
  const most = (of: (each: LayerCalls) => number): number => Math.max(...all.map(of));
  return { calls: most(({ calls }) => calls), plain: most(({ plain }) => plain) };
}

/** The floats that products and reductions, or caches of such, went into. */
function valuesInside(graph: Graph): ReadonlySet<ValueId> {
  const found = new Set<ValueId>();
  graph.nodes.forEach(({ op, args, type }, index) => {
    const isMade = op.kind === "state" || ownCost(op) === Number.POSITIVE_INFINITY;
    if (type.element === "float" && (isMade || args.some((arg) => found.has(arg))))
      found.add(valueId(index));
  });
  return found;
}

/** By layer with weights of the decoder: what it has to do beyond a plain one. */
function layerWork(graph: Graph, decoder: Decoder): ReadonlyMap<string, number> {
  const works = new Map<string, Work>();
  graph.nodes.forEach((node, index) => {
    const layer = layerOf(node.origin.path);
    const work = works.get(layer) ?? noWork();
    works.set(layer, work);
    const { kind } = node.op;
    if (kind === "top" || kind === "sort" || kind === "cumulative") work.scans++;
    if (kind === "reduce") work.reductions++;
    if (kind !== "contract") return;
    const name = weightOf(graph, node);
    if (name === undefined) work.products++;
    else work.weights.add(name);
    work.rows.add(productRoles(graph, valueId(index)).rows.join());
  });
  const found = new Map<string, number>();
  for (const [layer, { weights, rows, products, reductions, scans }] of works) {
    if (layer === "" || scans > 0 || ![...weights].some((name) => decoder.weights.has(name)))
      continue;
    const more =
      Math.max(0, weights.size + products - plainProducts) +
      Math.max(0, reductions - plainReductions) +
      Math.max(0, rows.size - 1);
    found.set(layer, more);
  }
  return found;
}

function noWork(): Work {
  return { weights: new Set(), rows: new Set(), products: 0, reductions: 0, scans: 0 };
}

interface Work {
  readonly weights: Set<string>;
  readonly rows: Set<string>;
  /** Without a weight. */
  products: number;
  reductions: number;
  scans: number;
}

/** The weight that a product multiplies by, whole or in part; undefined if it has none. */
function weightOf(graph: Graph, { args }: Node): string | undefined {
  for (const arg of args) {
    const { op } = nodeAt(
      graph,
      viewed((id) => nodeAt(graph, id), arg),
    );
    if (op.kind === "weight") return op.name;
  }
  return undefined;
}
