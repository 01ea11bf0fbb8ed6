/** What the kernels of a plan do for given lengths: calls, operations, and bytes to and from memory. */

import type {
  BufferReference,
  ElementType,
  Plan,
  PlanPhase,
  PlanStep,
  Size,
} from "../../runtime/contract.ts";
import { elementBytes } from "./element-bytes.ts";
import type { Measure } from "./executed.ts";

/** The work of all calls of one kernel, each phase run once. */
export interface KernelWork {
  readonly calls: number;
  readonly flops: number;
  /** Each buffer once a call, whole: what memory must move if nothing is kept and nothing is skipped. */
  readonly bytes: number;
}

/** The work of each kernel that is called, by name. */
export function kernelWork(plan: Plan, measure: Measure): ReadonlyMap<string, KernelWork> {
  const works = new Map<string, KernelWork>();
  for (const phase of plan.phases) {
    const bytesOf = bufferBytes(plan, phase, measure);
    for (const step of phase.steps) addStep(step, 1);

    function addStep(step: PlanStep, times: number): void {
      if (step.kind === "repeat") {
        // A table's entries are of one size: those of equal layers.
        const { tables } = step;
        for (const each of step.steps) addStep(resolved(each, tables), times * step.count);
      } else if (step.kind === "dispatch") {
        const variant = step.variants.find(
          ({ when }) => when === undefined || measure(when.size) <= when.atMost,
        );
        if (variant === undefined || measure(variant.groups) === 0) return;
        const before = works.get(variant.kernel) ?? { calls: 0, flops: 0, bytes: 0 };
        const bytes = step.buffers.reduce((sum, each) => sum + bytesOf(each), 0);
        works.set(variant.kernel, {
          calls: before.calls + times,
          flops: before.flops + times * measure(variant.flops ?? step.flops),
          bytes: before.bytes + times * bytes,
        });
      }
    }
  }
  return works;
}

/** A step of a `repeat`, its tables' columns replaced by their first entries. */
function resolved(
  step: PlanStep,
  tables: Readonly<Record<string, readonly BufferReference[]>>,
): PlanStep {
  if (step.kind !== "dispatch") return step;
  const buffers = step.buffers.map((each) =>
    each.kind === "table" ? (tables[each.name]?.[0] ?? each) : each,
  );
  return { ...step, buffers };
}

function bufferBytes(
  plan: Plan,
  phase: PlanPhase,
  measure: Measure,
): (reference: BufferReference) => number {
  const sizes = new Map<string, number>();
  const add = (kind: string, name: string, element: ElementType, shape: readonly Size[]): void => {
    const count = shape.reduce<number>((product, size) => product * measure(size), 1);
    sizes.set(`${kind} ${name}`, count * elementBytes[element]);
  };
  for (const { name, shape, element = "f32" } of plan.weights) add("weight", name, element, shape);
  for (const { name, element, shape } of plan.constants) add("constant", name, element, shape);
  for (const [kind, list] of [
    ["input", plan.inputs],
    ["state", plan.states],
    ["output", phase.outputs],
  ] as const) {
    for (const { name, element, axes } of list) {
      add(
        kind,
        name,
        element,
        axes.map((axis) => axis.size),
      );
    }
  }
  for (const { name, element, size } of phase.buffers) add("buffer", name, element, [size]);
  return ({ kind, name }) => sizes.get(`${kind} ${name}`) ?? 0;
}
