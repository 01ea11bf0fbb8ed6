/**
 * What a mask implied for a model, as data for `braid explain`: facts in the order in which they are
 * applied, each with its reason. Figures are added by whoever compares the graphs of the steps.
 */

import { type Graph, nodeAt, sizeOf } from "../graph/graph.ts";
import { explainVerdict, type Verdict } from "../mask/verdict.ts";
import { constant, type Dimension, equalDimensions, productOf, add } from "../op/dimension.ts";
import { showPredicate } from "../op/show-predicate.ts";
import { AttendCells, type QueryCells } from "./attend-cells.ts";
import type { Growth } from "./growth.ts";
import type { Phase } from "./phase.ts";
import type { StabilityProof } from "./stability.ts";

/** What the query rows of one segment get from an attention. */
export interface SegmentVerdict {
  /** The name of the query segment; the label of the axis where it is no sequence. */
  readonly query: string;
  readonly keys: readonly {
    readonly key: string;
    readonly verdict: Verdict;
    /** The mask for this pair of segments, as the language writes it. */
    readonly mask: string;
    /** The verdict in words. */
    readonly reason: string;
  }[];
  /** Zeros, the rows' own values, or attention over what is left. */
  readonly result: "zeros" | "identity" | "attend";
}

/** Rows that a projection is computed for, before a step and after it. */
export interface NarrowedProduct {
  readonly weight: string;
  readonly before: Dimension;
  readonly after: Dimension;
}

export type Consequence =
  /** The masks by segments: one for each group of attentions that agree. */
  | {
      readonly kind: "verdicts";
      /** The block paths of the attentions. */
      readonly attentions: readonly string[];
      readonly segments: readonly SegmentVerdict[];
    }
  /** Queries that nobody reads are not made, nor what only they need. */
  | { readonly kind: "queries"; readonly products: readonly NarrowedProduct[] }
  /** What the outputs do not read of the last layers is not made. */
  | { readonly kind: "demand"; readonly products: readonly NarrowedProduct[] }
  /** The phases, in order, with what each depends on. */
  | {
      readonly kind: "phases";
      readonly phases: readonly (Pick<Phase, "name" | "kind" | "doc" | "inputs" | "reads"> & {
        /** How many states it leaves. */
        readonly leaves: number;
      })[];
    }
  /** Why rows may be cached: each pair of segments whose old rows see no new ones. */
  | { readonly kind: "extend"; readonly proof: StabilityProof; readonly reason: string };

/** The verdicts on all attentions over growing rows, those that agree together. */
export function verdictFacts(graph: Graph, growth: Growth): readonly Consequence[] {
  const cells = new AttendCells(graph);
  const groups = new Map<string, { attentions: string[]; segments: readonly SegmentVerdict[] }>();
  for (const { op, origin } of graph.nodes) {
    if (op.kind !== "attend") continue;
    if (![op.query, ...op.parts.map((part) => part.axis)].some((axis) => growth.axes.has(axis)))
      continue;
    const segments = cells.of(op).map((query) => segmentVerdict(graph, query));
    const key = JSON.stringify(segments);
    const group = groups.get(key) ?? { attentions: [], segments };
    group.attentions.push(origin.path);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => ({ kind: "verdicts", ...group }));
}

function segmentVerdict(graph: Graph, { rows, cells, verdict }: QueryCells): SegmentVerdict {
  const label = (axis: string): string => graph.axes.get(axis)?.label ?? axis;
  return {
    query: rows.segment ?? label(rows.of),
    keys: cells.map((cell) => ({
      key: cell.keys.segment ?? label(cell.keys.of),
      verdict: cell.verdict,
      mask: showPredicate(cell.mask),
      reason: explainVerdict(cell.verdict),
    })),
    result: verdict.kind,
  };
}

/** The products with weights that have fewer rows in `after` than in `before`. */
export function narrowedProducts(before: Graph, after: Graph): readonly NarrowedProduct[] {
  const [old, now] = [productRows(before), productRows(after)];
  return [...old].flatMap(([weight, rows]) => {
    const left = now.get(weight) ?? constant(0);
    return equalDimensions(rows, left) ? [] : [{ weight, before: rows, after: left }];
  });
}

/** By weight: how many rows it is multiplied with, in all products together. */
function productRows(graph: Graph): ReadonlyMap<string, Dimension> {
  const rows = new Map<string, Dimension>();
  for (const { op, args, type } of graph.nodes) {
    if (op.kind !== "contract") continue;
    for (const arg of args) {
      const weight = nodeAt(graph, arg);
      if (weight.op.kind !== "weight") continue;
      const own = weight.type.axes;
      const free = type.axes.filter((axis) => !own.includes(axis));
      const count = productOf(free.map((axis) => sizeOf(graph, axis)));
      rows.set(weight.op.name, add(rows.get(weight.op.name) ?? constant(0), count));
    }
  }
  return rows;
}

/** The phases and the proof as facts. */
export function phaseFacts(
  phases: readonly Phase[],
  proof: StabilityProof | undefined,
): readonly Consequence[] {
  const facts: Consequence = {
    kind: "phases",
    phases: phases.map(({ name, kind, doc, inputs, reads, graph, writes }) => {
      const appends = graph.nodes.filter(({ op }) => op.kind === "append").length;
      return { name, kind, doc, inputs, reads, leaves: writes.length + appends };
    }),
  };
  if (proof === undefined) return [facts];
  const reason =
    proof.pairs.length + proof.mixing.length === 0
      ? `in all ${proof.proved} masks over growing rows no old row sees a new one`
      : "some old row sees a new one";
  return [facts, { kind: "extend", proof, reason }];
}
