/**
 * What each phase of a model spends on a device, and how near that is to the least: kernel calls,
 * operations against what the masks need, bytes moved against each weight, cache and activation once,
 * and the memory of temporaries against the most that lives at one time.
 */

import type { Plan, PlanPhase } from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import { growthOf } from "../phase/growth.ts";
import { type Target, targets } from "../kernel/target.ts";
import { storedElements } from "../plan/elements.ts";
import type { Planned } from "../plan/plan.ts";
import type { PreparedPhase } from "../plan/prepare.ts";
import { type ExplainedModel, runningPhases } from "./consequences.ts";
import { decoderOf } from "./decoder.ts";
import { dispatchCount, type Measure, splitsKeys } from "./executed.ts";
import { type LayerCalls, layerCalls } from "./layer-calls.ts";
import { afterwards, type Lengths } from "./lengths.ts";
import { phaseWork, type WorkFacts } from "./phase-work.ts";
import { RowNumbers } from "./row-numbers.ts";
import { hiddenFlops } from "./skipped-tiles.ts";
import { type Traffic, trafficOf } from "./traffic.ts";
import { edgeFlops } from "./whole-tiles.ts";

/** The memory of temporaries as the runtime places them, in bytes. */
export interface ArenaUse {
  readonly arena: number;
  /** The most that lives at one step: no placement takes less. */
  readonly live: number;
}

/** How the runtime reads a plan, which this layer may not know by itself. */
export interface SpendingReader {
  readonly measure: (values: ReadonlyMap<string, number>) => Measure;
  readonly arena: (phase: PlanPhase, measure: Measure) => ArenaUse;
}

/** Operations of one call; multiply-add is 2. */
export interface FlopCounts {
  readonly executed: number;
  readonly needed: number;
  /** What the smallest tiles have past the ends of shapes. */
  readonly edges: number;
  /** Of pairs that a mask hides in tiles that it does not hide as a whole. */
  readonly crossed: number;
}

/** One call of a phase. */
export interface PhaseSpending {
  readonly phase: string;
  readonly runs: "once" | "first" | "token";
  readonly dispatches: number;
  /** Of the decoder's layers, where the phase has some. */
  readonly layer?: LayerCalls;
  readonly flops: FlopCounts;
  /** Bytes. */
  readonly traffic: Traffic;
  readonly memory: ArenaUse;
}

/** What a model spends for one prompt and for each token after it. */
export interface Spending {
  readonly model: string;
  readonly target: Plan["target"];
  readonly lengths: Lengths;
  readonly phases: readonly PhaseSpending[];
}

/** What a call may spend at most, as shares of the least. */
const [mostFlops, mostBytes] = [1.05, 1.15];

/** Kernel calls of a plain layer of the decoder: for a token, and else. */
const [mostCallsOfToken, mostCalls] = [6, 8];

/** From so many operations on attention has many tiles, and few of them are crossed by a mask. */
const large = 1e9;

/** How a call stands to one of those shares. */
interface Verdict {
  /**
   * Whether it spends no more, or what is beyond is what shapes ask for: whole tiles, in small calls
   * tiles that masks cross, and weights that products of different values of equal rows read; or what
   * a layer has that others have not.
   */
  readonly within: boolean;
  /** What it spends beyond the share, in words. */
  readonly excuse?: string;
}

/** Whether a call computes and moves little in vain, in few kernels, and what it does in vain. */
export function budgetOf({ runs, layer = noLayer, flops, traffic }: PhaseSpending): {
  readonly layer: Verdict;
  readonly flops: Verdict;
  readonly traffic: Verdict;
} {
  const { executed, needed, edges, crossed } = flops;
  const verdict = (spent: number, most: number, more: number, excuse: string): Verdict =>
    spent <= most ? { within: true } : { within: spent <= most + more, excuse };
  const share = (part: number, of: number): string => ((of + part) / of).toFixed(3);
  return {
    layer: verdict(
      layer.calls,
      runs === "token" ? mostCallsOfToken : mostCalls,
      layer.calls - layer.plain,
      `a layer takes ${layer.calls} kernel calls; products, sets of rows and reductions that a plain ` +
        `one has not may take ${layer.calls - layer.plain}`,
    ),
    flops: verdict(
      executed,
      mostFlops * needed,
      edges + (needed < large ? crossed : 0),
      `whole tiles take ${share(edges, needed)} of the FLOPs needed at these shapes, ` +
        `tiles that masks cross ${share(crossed, needed)}`,
    ),
    traffic: verdict(
      traffic.moved,
      mostBytes * traffic.least,
      traffic.again,
      "products of different values read the same weights, which takes " +
        `${share(traffic.again, traffic.least)} of the least bytes`,
    ),
  };
}

const noLayer: LayerCalls = { calls: 0, plain: 0 };

/** What is needed to count. */
export interface SpendingFacts {
  readonly model: ExplainedModel;
  readonly prepared: readonly PreparedPhase[];
  readonly plan: Plan;
  /** What floats are stored as; f32 if absent. */
  readonly target?: Pick<Target, "storage">;
  readonly reader: SpendingReader;
  readonly attentionSchedule?: Planned["attentionSchedule"];
}

/** Counts the calls of a first question and, where tokens are generated, of one token after it. */
export function spendingOf(facts: SpendingFacts, lengths: Lengths): Spending {
  const { model, plan } = facts;
  const { once, first, later } = runningPhases(model.phases);
  const token = afterwards(model.graph, lengths, 1);
  return {
    model: model.graph.name,
    target: plan.target,
    lengths,
    phases: [
      ...once.map(({ name }) => phaseSpending(facts, name, "once", lengths)),
      ...(first === undefined ? [] : [phaseSpending(facts, first.name, "first", lengths)]),
      ...(later === undefined ? [] : [phaseSpending(facts, later.name, "token", token)]),
    ],
  };
}

function phaseSpending(
  { model, prepared, plan, target = {}, reader, attentionSchedule }: SpendingFacts,
  name: string,
  runs: PhaseSpending["runs"],
  { values }: Lengths,
): PhaseSpending {
  const made = prepared.find(({ phase }) => phase.name === name);
  const planned = plan.phases.find((phase) => phase.name === name);
  invariant(made !== undefined && planned !== undefined, `the plan has no phase ${name}`);
  const measure = reader.measure(values);
  const growing = growthOf(model.graph).symbols;
  const work: WorkFacts = {
    plan,
    decoder: undefined,
    growing,
    ...(attentionSchedule === undefined ? {} : { attentionSchedule }),
  };
  const { decoder, others, reductions, skipped, executed } = phaseWork(
    work,
    made.phase,
    values,
    measure,
  );
  const products = [...others.values()].reduce((sum, flops) => sum + flops, decoder);
  const { graph } = made.phase;
  const hidden = hiddenFlops(graph, new RowNumbers(graph, values, growing));
  const written = decoderOf(model.graph);
  const layer = written && layerCalls(made, written, splitsKeys(planned, measure) ? 2 : 1);
  return {
    phase: name,
    runs,
    dispatches: dispatchCount(planned, measure),
    ...(layer === undefined ? {} : { layer }),
    flops: {
      executed,
      needed: products + reductions - hidden,
      edges: edgeFlops(graph, targets[plan.target], values),
      crossed: hidden - skipped,
    },
    traffic: trafficOf(made, values, storedElements(prepared, target)),
    memory: reader.arena(planned, measure),
  };
}
