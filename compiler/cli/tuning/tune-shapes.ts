/** Tunes kernel shapes one after another, those that compute most first, until time is up. */

import type { CompiledModel } from "../../../runtime/contract.ts";
import type { Graph } from "../../graph/graph.ts";
import { growthOf } from "../../phase/growth.ts";
import { RowNumbers } from "../../report/row-numbers.ts";
import type { Candidate } from "./candidates.ts";
import { fastest } from "./choose.ts";
import type { Outcome } from "./outcome.ts";
import type { KernelShape } from "./shapes.ts";
import { Trial, type TrialDevice } from "./trial.ts";

/** A shape and the kernels that it may have, the default first. */
export interface ShapeCandidates {
  readonly shape: KernelShape;
  readonly candidates: readonly Candidate[];
}

/** What to tune. */
export interface TuneJob {
  readonly shapes: readonly ShapeCandidates[];
  /** The model's graph as written. */
  readonly graph: Graph;
  readonly device: TrialDevice;
  /** All candidates as one model. */
  readonly code: CompiledModel;
  /** Milliseconds. */
  readonly budget: number;
  readonly progress: (done: number) => void;
}

/** What came of it. */
export interface Tuning {
  readonly outcomes: readonly Outcome[];
  /** Shapes that were not timed. */
  readonly left: number;
  readonly milliseconds: number;
}

/** Times the candidates of each shape. */
export async function tuneShapes(job: TuneJob): Promise<Tuning> {
  const { clock } = job.device;
  const start = clock();
  const outcomes: Outcome[] = [];
  for (const [index, each] of job.shapes.entries()) {
    job.progress(index);
    const late = clock() - start > job.budget;
    outcomes.push(late ? { ...each, result: undefined } : await tuneShape(job, each, start));
  }
  const left = outcomes.filter(({ result }) => result === undefined).length;
  return { outcomes, left, milliseconds: clock() - start };
}

async function tuneShape(
  { device, code, graph, budget }: TuneJob,
  { shape, candidates }: ShapeCandidates,
  start: number,
): Promise<Outcome> {
  await device.backend.load(code, new Set(candidates.map(({ lowered }) => lowered.kernel.name)));
  const rows = new RowNumbers(shape.prepared.phase.graph, shape.values, growthOf(graph).symbols);
  const trial = await Trial.open(shape, candidates, device, rows);
  try {
    const agreements = await trial.agreements();
    // The default comes first.
    const right = candidates.flatMap((_, index) =>
      agreements[index] === "same bits" || agreements[index] === "another order" ? [index] : [],
    );
    const mayGoOn = (): boolean => device.clock() - start <= budget;
    const timed = await fastest(right.length, (each) => trial.time(right[each] ?? 0), mayGoOn);
    const [usual] = timed.medians;
    if (usual === undefined) return { shape, candidates, result: undefined };
    const best = right[timed.best] ?? 0;
    const bestMs = timed.medians[timed.best] ?? usual;
    return { shape, candidates, result: { agreements, best, usualMs: usual, bestMs } };
  } finally {
    trial.close();
  }
}
