/**
 * What one call of a phase costs: its products and attentions as the graph has them, reductions, and
 * what the plan's kernels add at tile edges and save where masks hide whole tiles.
 */

import type { Plan } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import { nodeFlops } from "../graph/flops.ts";
import { type Graph, type Node, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import { targets } from "../kernel/target.ts";
import { type Dimension, evaluateDimension, productOf } from "../op/dimension.ts";
import type { Planned } from "../plan/plan.ts";
import type { Phase } from "../phase/phase.ts";
import { type Decoder, decoderProducts } from "./decoder.ts";
import { type Measure, plannedFlops } from "./executed.ts";
import { RowNumbers } from "./row-numbers.ts";
import { skippedWork } from "./skipped-tiles.ts";

/** The operations of one call of a phase; a multiply-add is 2. */
export interface PhaseWork {
  /** Products and attentions of the decoder, as the graph of the phase has them. */
  readonly decoder: number;
  /** Other products and attentions, by the part of the model that they are in. */
  readonly others: ReadonlyMap<string, number>;
  /** Norms and other reductions and scans, one for each number read. */
  readonly reductions: number;
  /** What kernels compute beside the result: edges of tiles, scales of rows for each panel again. */
  readonly edges: number;
  /** What attention kernels skip, because the mask hides the whole tile. */
  readonly skipped: number;
  /** All of it: what the kernels of the plan execute. */
  readonly executed: number;
}

/** What is needed to count the work of phases. */
export interface WorkFacts {
  readonly plan: Plan;
  readonly decoder: Decoder | undefined;
  /** The symbols that count new rows. */
  readonly growing: ReadonlySet<string>;
  /** The schedules of the plan's attentions, where they are not the usual ones. */
  readonly attentionSchedule?: Planned["attentionSchedule"];
}

/** Counts one call of `phase` for these sizes; `measure` reads the sizes of the plan for the same. */
export function phaseWork(
  facts: WorkFacts,
  phase: Phase,
  sizes: ReadonlyMap<string, number>,
  measure: Measure,
): PhaseWork {
  const { plan, decoder, growing } = facts;
  const { graph } = phase;
  const planned = plan.phases.find((each) => each.name === phase.name);
  invariant(planned !== undefined, `the plan has no phase ${phase.name}`);
  const own = decoder === undefined ? new Set() : decoderProducts(decoder, graph);
  const at = (size: Dimension): number => evaluateDimension(size, sizes);
  const others = new Map<string, Group>();
  let [inDecoder, reductions] = [0, 0];
  graph.nodes.forEach((node, index) => {
    const { kind } = node.op;
    if (kind === "reduce" || kind === "cumulative" || kind === "top" || kind === "sort")
      reductions += at(readNumbers(graph, node));
    if (kind !== "contract" && kind !== "attend") return;
    const flops = at(nodeFlops(graph, node));
    if (own.has(valueId(index))) inDecoder += flops;
    else addTo(others, node.origin.path, flops);
  });
  const rest = [...others.values()].reduce((sum, group) => sum + group.flops, 0);
  const total = plannedFlops(planned, measure);
  const rows = new RowNumbers(graph, sizes, growing);
  const scheduleOf = (id: ValueId) => facts.attentionSchedule?.(phase.name, id, sizes);
  const target = targets[plan.target];
  const skipped = [...skippedWork(graph, target, rows, sizes, scheduleOf).values()].reduce(
    (sum, each) => sum + each.flops,
    0,
  );
  return {
    decoder: inDecoder,
    others: new Map([...others.values()].map(({ path, flops }) => [path, flops])),
    reductions,
    edges: total - inDecoder - rest - reductions,
    skipped,
    executed: total - skipped,
  };
}

/** The work of several calls together. */
export function addWork(works: readonly PhaseWork[]): PhaseWork {
  const others = new Map<string, number>();
  for (const work of works)
    for (const [path, flops] of work.others) others.set(path, (others.get(path) ?? 0) + flops);
  const sum = (of: (work: PhaseWork) => number): number =>
    works.reduce((total, work) => total + of(work), 0);
  return {
    decoder: sum((work) => work.decoder),
    others,
    reductions: sum((work) => work.reductions),
    edges: sum((work) => work.edges),
    skipped: sum((work) => work.skipped),
    executed: sum((work) => work.executed),
  };
}

/** Work under paths that begin alike; `path` is how far they all agree. */
interface Group {
  readonly path: string;
  readonly flops: number;
}

function addTo(groups: Map<string, Group>, path: string, flops: number): void {
  const parts = path.split(".");
  const [first = ""] = parts;
  const group = groups.get(first);
  const before = group?.path.split(".") ?? parts;
  const same = parts.findIndex((part, index) => part !== before[index]);
  const common = same < 0 ? before.slice(0, parts.length) : parts.slice(0, same);
  groups.set(first, { path: common.join("."), flops: (group?.flops ?? 0) + flops });
}

/** The numbers that a reduction or scan reads. */
function readNumbers(graph: Graph, node: Node): Dimension {
  const [source] = node.args;
  const read = source === undefined ? node.type : nodeAt(graph, source).type;
  return productOf(read.axes.map((axis) => sizeOf(graph, axis)));
}
