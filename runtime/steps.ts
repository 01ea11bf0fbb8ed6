/**
 * The steps of a phase in the order in which they run, `repeat`s unrolled.
 *
 * All that goes over steps (execution, placement, verification) uses `occurrences`, so that tables
 * mean one thing.
 */

import type { BufferReference, Plan, PlanKernel, PlanPhase, PlanStep } from "./contract.ts";
import { invariant } from "./errors.ts";

/** A step that does something itself. */
export type LeafStep = Exclude<PlanStep, { kind: "repeat" }>;

/** A reference that names memory, not a column of a table. */
export type DirectReference = Exclude<BufferReference, { kind: "table" }>;

/** One run of a step: in the i-th round of the repeats around it. */
export interface Occurrence {
  readonly step: LeafStep;
  /** The step's number, as `PlanBuffer` counts; equal in every round. */
  readonly index: number;
  /** What a reference of the step means in this round. */
  resolve(reference: BufferReference): DirectReference;
}

/** What one run of a step touches. */
export interface Access {
  readonly reference: DirectReference;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** Every run of every step, in order. */
export function occurrences(steps: readonly PlanStep[]): readonly Occurrence[] {
  const found: Occurrence[] = [];
  visit(steps, 0, () => undefined, found);
  return found;
}

/**
 * What a run of a dispatch or copy reads and writes; `kernels` by name. All variants access alike.
 */
export function accessesOf(
  { step, resolve }: Occurrence,
  kernels: ReadonlyMap<string, PlanKernel>,
): readonly Access[] {
  if (step.kind === "measure")
    return [{ reference: resolve(step.from), reads: true, writes: false }];
  if (step.kind === "copy") {
    return [
      { reference: resolve(step.from), reads: true, writes: false },
      // The rest of the target keeps what it has.
      { reference: resolve(step.to), reads: false, writes: true },
    ];
  }
  const kernel = kernels.get(step.variants[0]?.kernel ?? "");
  invariant(kernel !== undefined, `the step ${step.label} has no kernel`);
  return step.buffers.map((reference, index) => {
    const access = kernel.buffers[index]?.access;
    return {
      reference: resolve(reference),
      reads: access !== "write",
      writes: access !== "read",
    };
  });
}

/** A word for messages and for maps: `weight lm_head.weight`. */
export function showReference(reference: BufferReference): string {
  return `${reference.kind} ${reference.name}`;
}

type Column = (name: string) => BufferReference | undefined;

/** Appends the runs of `steps` to `found`; gives the number of the step after them. */
function visit(
  steps: readonly PlanStep[],
  first: number,
  column: Column,
  found: Occurrence[],
): number {
  let index = first;
  for (const step of steps) {
    if (step.kind === "repeat") {
      let after = index + countLeaves(step.steps);
      for (let round = 0; round < step.count; round++) {
        after = visit(
          step.steps,
          index,
          (name) => step.tables[name]?.[round] ?? column(name),
          found,
        );
      }
      index = after;
    } else {
      found.push({ step, index, resolve: (reference) => direct(reference, column) });
      index++;
    }
  }
  return index;
}

function direct(reference: BufferReference, column: Column): DirectReference {
  if (reference.kind !== "table") return reference;
  const entry = column(reference.name);
  invariant(entry !== undefined, `no table here has a column ${reference.name} for this round`);
  invariant(entry.kind !== "table", `the column ${reference.name} names another column`);
  return entry;
}

function countLeaves(steps: readonly PlanStep[]): number {
  return steps.reduce(
    (sum, step) => sum + (step.kind === "repeat" ? countLeaves(step.steps) : 1),
    0,
  );
}

/** The names of all kernels that phases may call. */
export function kernelsOf(phases: readonly PlanPhase[]): ReadonlySet<string> {
  const leaves = phases.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === "repeat" ? step.steps : [step])),
  );
  const names = leaves.flatMap((step) =>
    step.kind === "dispatch" ? step.variants.map(({ kernel }) => kernel) : [],
  );
  return new Set(names);
}

/** The kernels of the phases that run in answering; those of others are compiled when they first run. */
export function usualKernels({ phases, generation }: Plan): ReadonlySet<string> {
  return kernelsOf(phases.filter(({ kind }) => kind !== "forward" || generation === undefined));
}
