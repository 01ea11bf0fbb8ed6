/**
 * The kernels of a plan and how they are called, as code. Steps that differ in their buffers only
 * share one call, and kernels are declared by the first call of them, which can be said of every
 * plan that the compiler makes; for other plans kernels are declared apart.
 */

import type { Plan, PlanKernel, PlanStep, RowBlocks, Size } from "../../../runtime/contract.ts";
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
        .map((step) => [contentOf(step), step] as const),
    );
    const order = new Map(plan.kernels.map((kernel, index) => [kernel.name, index]));
    const position = (step: Dispatch): number => order.get(step.variants[0]?.kernel ?? "") ?? 0;
    const sorted = [...steps].sort(([, a], [, b]) => position(a) - position(b));
    const declared = declaredBy(
      sorted.map(([, step]) => step),
      plan.kernels,
    );
    this.apart = declared === undefined ? plan.kernels : undefined;
    this.byContent = new Map(
      sorted.map(([content, step], index) => {
        const name = names.take(step.variants.at(-1)?.kernel ?? step.label);
        return [content, { name, step, kernels: declared?.[index] ?? [] }];
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
    const declaring = [...this.byContent.values()].filter(({ kernels }) => kernels.length > 0);
    return hangingCall("kernelsOf", ...declaring.map(({ name }) => name));
  }
}

/** The dispatches among steps, those of loops included. */
export function dispatches(steps: readonly PlanStep[]): readonly Dispatch[] {
  return steps.flatMap((step) => {
    if (step.kind === "copy" || step.kind === "measure") return [];
    return step.kind === "repeat" ? dispatches(step.steps) : [step];
  });
}

function contentOf({ variants, scalars, flops }: Dispatch): string {
  return JSON.stringify([variants, scalars, flops]);
}

/**
 * The kernels that each call declares: those of its variants, unless a call before it has them.
 * Undefined where that would not be all kernels in their order.
 */
function declaredBy(
  steps: readonly Dispatch[],
  kernels: readonly PlanKernel[],
): readonly (readonly PlanKernel[])[] | undefined {
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  const taken = new Set<string>();
  const declared = steps.map((step) => {
    const names = [...new Set(step.variants.map((variant) => variant.kernel))];
    if (names.every((name) => taken.has(name))) return [];
    for (const name of names) taken.add(name);
    const own = names.flatMap((name) => byName.get(name) ?? []);
    return own.length === names.length && areOne(own, step) ? own : undefined;
  });
  const listed = declared.flatMap((each) => each ?? []);
  if (JSON.stringify(listed) !== JSON.stringify(kernels)) return undefined;
  return declared.every((each) => each !== undefined) ? declared : undefined;
}

/** Whether one declaration can say all these kernels and the numbers that `step` gives them. */
function areOne(kernels: readonly PlanKernel[], step: Dispatch): boolean {
  const signatures = new Set(
    kernels.map(({ buffers, scalars }) => JSON.stringify([buffers, scalars])),
  );
  const scalars = kernels[0]?.scalars ?? [];
  return signatures.size === 1 && scalars.length === step.scalars.length && keysInOrder(scalars);
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
  const groups = [...new Set(kernels.map(workgroup))];
  const group = groups.length === 1 ? (groups[0] ?? "1") : array(kernels.map(workgroup));
  return call("kernel", group, parameters(first), scalars, variants, ...flops);
}

function workgroup(kernel: PlanKernel): string {
  const { workgroupSize, rowBlocks, sharedBytes, subgroups, matrices } = kernel;
  const { min, max } = subgroups ?? {};
  const more = [
    ...(rowBlocks === undefined ? [] : [`rowBlocks: ${rowBlocksText(rowBlocks)}`]),
    ...(sharedBytes === undefined ? [] : [`sharedBytes: ${sharedBytes}`]),
    ...(subgroups === undefined ? [] : [`subgroups: { min: ${min}, max: ${max} }`]),
    ...(matrices === undefined
      ? []
      : [`matrices: [${matrices.map((each) => JSON.stringify(each)).join(", ")}]`]),
  ];
  if (more.length === 0) return `${workgroupSize}`;
  return `{ threads: ${[workgroupSize, ...more].join(", ")} }`;
}

function rowBlocksText({ groups, elements }: RowBlocks): string {
  const each = Object.entries(elements).map(([name, count]) => `${name}: ${count}`);
  return `{ groups: ${groups}, elements: { ${each.join(", ")} } }`;
}

function declaration(kernel: PlanKernel): Code {
  const { name, scalars } = kernel;
  return call(
    "declare",
    array([text(name)]),
    workgroup(kernel),
    parameters(kernel),
    array(scalars.map(text)),
  );
}

function parameters({ buffers }: PlanKernel): Code {
  return array(
    buffers.map(({ name, element, access }) => {
      const plain = call(accessWords[access], text(name));
      if (element !== "f32") return call(element, plain);
      return access === "read" ? text(name) : plain;
    }),
  );
}

const accessWords = { read: "read", write: "write", read_write: "update" } as const;
