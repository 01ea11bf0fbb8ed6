/**
 * The kernels of a plan and how they are called, as code. Steps with equal kernels share one call, and a
 * kernel is declared where it is called, which holds for every plan that the compiler makes; for other
 * plans kernels are declared apart.
 */

import type { Plan, PlanKernel, PlanStep, Size } from "../../../runtime/contract.ts";
import { array, type Code, call, hangingCall, lines, object, sequence, text } from "./code.ts";
import type { Names } from "./names.ts";

type Dispatch = Extract<PlanStep, { kind: "dispatch" }>;
type SizeCode = (size: Size) => string;

/** A call and the kernels that are declared with it. */
interface NamedCall {
  readonly name: string;
  readonly step: Dispatch;
  readonly kernels: readonly PlanKernel[];
}

/** All calls of a plan, by content. */
export class Calls {
  private readonly byContent: ReadonlyMap<string, NamedCall>;
  /** Kernels that are declared apart from their calls. */
  private readonly apart: readonly PlanKernel[] | undefined;

  constructor(plan: Plan, names: Names) {
    const steps = new Map(
      plan.phases
        .flatMap((phase) => dispatches(phase.steps))
        .map((step) => [contentOf(step), step]),
    );
    const kernels = new Map(plan.kernels.map((kernel) => [kernel.name, kernel]));
    const order = new Map(plan.kernels.map((kernel, index) => [kernel.name, index]));
    const position = (step: Dispatch): number => order.get(step.variants[0]?.kernel ?? "") ?? 0;
    const sorted = [...steps].sort(([, a], [, b]) => position(a) - position(b));
    const merged = sorted.map(([, step]) => kernelsOf(step, kernels));
    const listed = merged.flatMap((each) => each ?? []);
    const together =
      merged.every((each) => each !== undefined) &&
      JSON.stringify(listed) === JSON.stringify(plan.kernels);
    this.apart = together ? undefined : plan.kernels;
    this.byContent = new Map(
      sorted.map(([content, step], index) => {
        const name = names.take(step.variants.at(-1)?.kernel ?? step.label);
        return [content, { name, step, kernels: together ? (merged[index] ?? []) : [] }];
      }),
    );
  }

  /** The names of all calls. */
  get names(): readonly string[] {
    return [...this.byContent.values()].map(({ name }) => name);
  }

  /** The code by which a step names its call. */
  reference(step: Dispatch): string {
    const found = this.byContent.get(contentOf(step));
    return `calls.${found?.name}`;
  }

  /** The name and the code of each call. */
  declarations(size: SizeCode): readonly (readonly [string, Code])[] {
    return [...this.byContent.values()].map((each) => [each.name, callCode(each, size)]);
  }

  /** The list of the kernels. */
  kernels(): Code {
    if (this.apart !== undefined)
      return lines(this.apart.map((kernel) => sequence("...", declaration(kernel))));
    return hangingCall("kernelsOf", ...this.names);
  }

  /** Names that the compiler gave to sizes as scalars of kernels. */
  get wishes(): readonly (readonly [string, Size])[] {
    return [...this.byContent.values()].flatMap(({ kernels, step }) =>
      (kernels[0]?.scalars ?? []).map((name, index) => [name, step.scalars[index] ?? 0] as const),
    );
  }
}

/** The dispatches among steps, those of loops included. */
export function dispatches(steps: readonly PlanStep[]): readonly Dispatch[] {
  return steps.flatMap((step) => {
    if (step.kind === "copy") return [];
    return step.kind === "repeat" ? dispatches(step.steps) : [step];
  });
}

function contentOf({ variants, scalars, flops }: Dispatch): string {
  return JSON.stringify([variants, scalars, flops]);
}

/** The kernels of a step's variants, if one declaration can say them all. */
function kernelsOf(
  step: Dispatch,
  kernels: ReadonlyMap<string, PlanKernel>,
): readonly PlanKernel[] | undefined {
  const found = step.variants.map((variant) => kernels.get(variant.kernel));
  const [first] = found;
  if (first === undefined || first.scalars.length !== step.scalars.length) return undefined;
  if (!keysInOrder(first.scalars)) return undefined;
  const signature = JSON.stringify({ ...first, name: "" });
  const equal = found.filter(
    (each) => each !== undefined && JSON.stringify({ ...each, name: "" }) === signature,
  );
  return equal.length === found.length ? equal.filter((each) => each !== undefined) : undefined;
}

/** Whether an object with these keys lists them in this order: whole numbers would come first. */
export function keysInOrder(keys: readonly string[]): boolean {
  return new Set(keys).size === keys.length && !keys.some((key) => /^\d+$/.test(key));
}

function callCode({ step, kernels }: NamedCall, size: SizeCode): Code {
  const variants = array(
    step.variants.map(({ when, kernel, groups, flops }) => {
      const work = flops === undefined ? [] : [size(flops)];
      if (when === undefined) return call("otherwise", text(kernel), size(groups), ...work);
      return call("upTo", size(when.atMost), size(when.size), text(kernel), size(groups), ...work);
    }),
  );
  const usual = step.variants.at(-1)?.flops ?? 0;
  const flops = JSON.stringify(usual) === JSON.stringify(step.flops) ? [] : [size(step.flops)];
  const [first] = kernels;
  if (first === undefined)
    return call("schedule", array(step.scalars.map(size)), variants, ...flops);
  const scalars = object(
    first.scalars.map((name, index) => [name, size(step.scalars[index] ?? 0)]),
  );
  return call("kernel", `${first.workgroupSize}`, parameters(first), scalars, variants, ...flops);
}

function declaration(kernel: PlanKernel): Code {
  const { name, workgroupSize, scalars } = kernel;
  return call(
    "declare",
    array([text(name)]),
    `${workgroupSize}`,
    parameters(kernel),
    array(scalars.map(text)),
  );
}

function parameters({ buffers }: PlanKernel): Code {
  return array(
    buffers.map(({ name, element, access }) => {
      const plain = call(accessWords[access], text(name));
      if (element === "i32") return call("i32", plain);
      return access === "read" ? text(name) : plain;
    }),
  );
}

const accessWords = { read: "read", write: "write", read_write: "update" } as const;
