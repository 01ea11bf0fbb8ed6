/**
 * Inputs that a phase is given for their shapes alone. A mask that hides a whole segment can leave
 * nothing that reads the segment's rows, while outputs and other sizes still count them.
 */

import type {
  Plan,
  PlanInput,
  PlanPhase,
  PlanState,
  PlanStep,
  Size,
} from "../../runtime/contract.ts";
import { invariant } from "../../grammar/invariant.ts";
import { past } from "../phase/phase.ts";

type Sized = Pick<Plan, "phases" | "states">;

/**
 * `phases` with an input of `all` for each size symbol that neither an input of the phase nor a
 * state that it reads tells: one that some phase reads anyway, else the smallest to give.
 */
export function withSizingInputs(
  { phases, states }: Sized,
  all: readonly PlanInput[],
): readonly PlanPhase[] {
  const read = new Set(phases.flatMap((phase) => phase.inputs));
  const cost = (input: PlanInput): number =>
    (read.has(input.name) ? 0 : 10) + (input.role === "tensor" ? input.axes.length : 0);
  const cheapest = [...all].sort((a, b) => cost(a) - cost(b));
  const told = new Map<string, ReadonlySet<string>>();
  return phases.map((phase) => {
    const own = all.filter(({ name }) => phase.inputs.includes(name));
    const measured = phase.steps.flatMap((step) => (step.kind === "measure" ? [step.symbol] : []));
    const known = new Set([
      ...[past, ...measured],
      ...own.flatMap(toldBy),
      ...inherited(phase, states, told),
    ]);
    const inputs = new Set(phase.inputs);
    for (const symbol of [...usedSymbols(phase, states, own)].filter((each) => !known.has(each))) {
      const source = cheapest.find((input) => toldBy(input).includes(symbol));
      invariant(source !== undefined, `plan: no input tells the size ${symbol}`);
      inputs.add(source.name);
      known.add(symbol);
    }
    told.set(phase.name, known);
    return { ...phase, inputs: [...inputs] };
  });
}

/** The symbols that are the whole size of one of the input's axes. */
function toldBy(input: PlanInput): readonly string[] {
  return input.axes.flatMap(({ size }) => (typeof size === "string" ? [size] : []));
}

/** The symbols for which the values that `phase` reads were computed. */
function inherited(
  phase: PlanPhase,
  states: readonly PlanState[],
  told: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] {
  return states
    .filter(({ name, kind }) => kind === "value" && phase.reads.includes(name))
    .flatMap((state) => [...(told.get(state.phase) ?? [])]);
}

function usedSymbols(
  phase: PlanPhase,
  states: readonly PlanState[],
  inputs: readonly PlanInput[],
): ReadonlySet<string> {
  const written = states.filter(({ name }) => phase.writes.includes(name));
  const sizes = [
    ...[...inputs, ...written, ...phase.outputs].flatMap(({ axes }) =>
      axes.map(({ size }) => size),
    ),
    ...phase.buffers.map(({ size }) => size),
    ...phase.steps.flatMap(sizesOf),
  ];
  return new Set(sizes.flatMap(symbolsIn));
}

function sizesOf(step: PlanStep): readonly Size[] {
  switch (step.kind) {
    case "repeat":
      return step.steps.flatMap(sizesOf);
    case "copy":
      return [step.size, step.toOffset];
    case "measure":
      return [step.most];
    case "dispatch":
      return [
        step.flops,
        ...step.scalars,
        ...step.variants.flatMap(({ groups, when, flops }) => [
          groups,
          ...(when === undefined ? [] : [when.size]),
          ...(flops === undefined ? [] : [flops]),
        ]),
      ];
  }
}

function symbolsIn(size: Size): readonly string[] {
  if (typeof size === "number") return [];
  return typeof size === "string" ? [size] : [...symbolsIn(size[1]), ...symbolsIn(size[2])];
}
