/** From FLOPs as papers count them to FLOPs as executed, each difference by its name. */

import type { Consequences } from "./consequences.ts";
import type { PhaseWork } from "./phase-work.ts";

/** One difference between the two ways of counting. */
export interface Difference {
  readonly name: string;
  readonly flops: number;
}

/** The way from one figure to the other: `papers` and all differences add up to `executed`. */
export interface Reconciliation {
  readonly papers: number;
  readonly differences: readonly Difference[];
  readonly executed: number;
}

/** Reconciles the decoder's steps with what the phases of a first question execute. */
export function reconcile(consequences: Consequences, work: PhaseWork): Reconciliation {
  const saved = (name: string): number =>
    consequences.steps.find((step) => step.name === name)?.flops ?? 0;
  const differences: readonly Difference[] = [
    { name: "last layer: rows that nobody reads", flops: -saved("last layer") },
    { name: "last layer: all rows but the last one", flops: -saved("last row") },
    ...[...work.others].map(([path, flops]) => ({ name: path, flops })),
    { name: "norms and other reductions", flops: work.reductions },
    { name: "tile edges", flops: work.edges },
    { name: "key tiles that the mask hides", flops: -work.skipped },
  ];
  return {
    papers: consequences.papers,
    differences: differences.filter(({ flops }) => flops !== 0),
    executed: work.executed,
  };
}
