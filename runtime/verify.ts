/**
 * Checks what a plan promises before anything runs, so that a mistake of the compiler stops with a
 * sentence rather than with wrong numbers.
 *
 * Checked: names exist, kernels get as many buffers and scalars as they take and never one buffer
 * for reading and for writing, the last variant of a step is unconditional, tables are as long as
 * their repeat, and no step reads a temporary that nothing wrote or whose memory another one may
 * have taken.
 */

import {
  pageTable,
  type Plan,
  type PlanKernel,
  type PlanPhase,
  type PlanStep,
  type Size,
  scalesOf,
} from "./contract.ts";
import { invariant } from "./errors.ts";
import { symbolsOf } from "./size.ts";
import { type Access, accessesOf, occurrences, showReference } from "./steps.ts";

/** Throws an `InvariantError` that names the phase, the step and the fault, if there is one. */
export function verifyPlan(plan: Plan): void {
  const kernels = new Map(plan.kernels.map((kernel) => [kernel.name, kernel]));
  const symbols = new Set(plan.symbols.map((symbol) => symbol.name));
  for (const phase of plan.phases) {
    const where = `phase ${phase.name} of ${plan.model}`;
    verifyNames(plan, phase, where);
    verifySteps(phase.steps, kernels, symbols, where);
    for (const buffer of phase.buffers)
      verifySize(buffer.size, symbols, `${where}: ${buffer.name}`);
    verifyAccesses(plan, phase, kernels, where);
  }
}

function verifyNames(plan: Plan, phase: PlanPhase, where: string): void {
  const inputs = new Set(plan.inputs.map((input) => input.name));
  const states = new Map(plan.states.map((state) => [state.name, state]));
  for (const name of phase.inputs) {
    invariant(inputs.has(name), `${where}: no input is called ${name}`);
  }
  for (const name of [...phase.reads, ...phase.writes]) {
    invariant(states.has(name), `${where}: no state is called ${name}`);
  }
  const appends = phase.kind === "prompt" || phase.kind === "extend";
  for (const name of phase.writes) {
    const state = states.get(name);
    invariant(state !== undefined, `${where}: no state is called ${name}`);
    const maker = state.phase === phase.name;
    const fits = state.kind === "cache" ? appends : phase.kind !== "forward" && maker;
    invariant(fits, `${where}: a phase of kind ${phase.kind} writes the ${state.kind} ${name}`);
  }
}

function verifySteps(
  steps: readonly PlanStep[],
  kernels: ReadonlyMap<string, PlanKernel>,
  symbols: ReadonlySet<string>,
  where: string,
  isOutermost: boolean = true,
): void {
  for (const step of steps) {
    if (step.kind === "repeat") {
      for (const [name, column] of Object.entries(step.tables)) {
        const rounds = `${column.length} entries for ${step.count} rounds`;
        invariant(column.length === step.count, `${where}: the column ${name} has ${rounds}`);
      }
      verifySteps(step.steps, kernels, symbols, where, false);
      continue;
    }
    const at = `${where}: ${step.label}`;
    if (step.kind === "measure") {
      verifySize(step.most, symbols, at);
      const isMeasured = symbols.has(step.symbol);
      invariant(isMeasured && isOutermost, `${at} measures ${step.symbol} where it cannot`);
      continue;
    }
    if (step.kind === "copy") {
      for (const size of [step.size, step.toOffset]) verifySize(size, symbols, at);
      continue;
    }
    for (const size of step.scalars) verifySize(size, symbols, at);
    invariant(step.variants.at(-1) !== undefined, `${at} has no kernel`);
    for (const [index, variant] of step.variants.entries()) {
      const last = index === step.variants.length - 1;
      invariant(
        last === (variant.when === undefined),
        `${at}: only the last variant is unconditional`,
      );
      verifySize(variant.groups, symbols, at);
      if (variant.when !== undefined) verifySize(variant.when.size, symbols, at);
      verifyCall(kernels.get(variant.kernel), step, variant.kernel, at);
    }
  }
}

function verifyCall(
  kernel: PlanKernel | undefined,
  step: Extract<PlanStep, { kind: "dispatch" }>,
  name: string,
  at: string,
): void {
  invariant(kernel !== undefined, `${at}: no kernel is called ${name}`);
  const [buffers, scalars] = [step.buffers.length, step.scalars.length];
  const [wanted, numbers] = [kernel.buffers.length, kernel.scalars.length];
  const takes = `${name} takes ${wanted} buffers and ${numbers} scalars`;
  const fits = buffers === wanted && scalars === numbers;
  invariant(fits, `${at}: ${takes}, but gets ${buffers} and ${scalars}`);
}

function verifySize(size: Size, symbols: ReadonlySet<string>, at: string): void {
  for (const name of symbolsOf(size)) {
    invariant(symbols.has(name), `${at}: no symbol is called ${name}`);
  }
}

/**
 * Runs the phase on names alone: which memory exists, and which temporaries still hold what was
 * written.
 */
function verifyAccesses(
  plan: Plan,
  phase: PlanPhase,
  kernels: ReadonlyMap<string, PlanKernel>,
  where: string,
): void {
  const known = memoryOf(plan, phase);
  const buffers = new Map(phase.buffers.map((buffer) => [buffer.name, buffer]));
  invariant(buffers.size === phase.buffers.length, `${where}: two buffers have one name`);
  const holding = new Set<string>();
  for (const occurrence of occurrences(phase.steps)) {
    const at = `${where}: step ${occurrence.index} (${occurrence.step.label})`;
    const accesses = accessesOf(occurrence, kernels);
    verifyAliases(accesses, at);
    for (const { reference, reads } of accesses) {
      invariant(
        known.has(showReference(reference)),
        `${at} uses an unknown ${showReference(reference)}`,
      );
      if (reference.kind !== "buffer" || !reads) continue;
      const { name } = reference;
      invariant(
        holding.has(name),
        `${at} reads ${name}, which nothing wrote or something overwrote`,
      );
    }
    for (const { reference, writes } of accesses) {
      const buffer = reference.kind === "buffer" ? buffers.get(reference.name) : undefined;
      if (buffer === undefined) continue;
      const alive = buffer.first <= occurrence.index && occurrence.index <= buffer.last;
      invariant(
        alive,
        `${at} uses ${buffer.name} outside its life [${buffer.first}, ${buffer.last}]`,
      );
      if (!writes) continue;
      holding.add(buffer.name);
      // What does not live at the same time may lie in the same place.
      for (const name of holding) {
        const other = buffers.get(name);
        if (other === undefined) continue;
        if (other.last < buffer.first || other.first > buffer.last) holding.delete(name);
      }
    }
  }
}

/** Everything that steps of `phase` may refer to, as `showReference` shows it. */
function memoryOf(plan: Plan, phase: PlanPhase): ReadonlySet<string> {
  return new Set([
    ...phase.buffers.map(({ name }) => `buffer ${name}`),
    ...phase.outputs.map(({ name }) => `output ${name}`),
    ...phase.inputs.map((name) => `input ${name}`),
    ...[...phase.reads, ...phase.writes].map((name) => `state ${name}`),
    ...(plan.pages === undefined ? [] : [`state ${pageTable}`]),
    ...plan.weights.map(({ name, pack }) => `weight ${pack?.buffer ?? name}`),
    ...plan.weights.map(({ name }) => `weight ${scalesOf(name)}`),
    ...plan.constants.map(({ name }) => `constant ${name}`),
  ]);
}

function verifyAliases(accesses: readonly Access[], at: string): void {
  for (const [index, { reference, writes }] of accesses.entries()) {
    const name = showReference(reference);
    const again = accesses.findIndex(
      (other, place) => place !== index && showReference(other.reference) === name,
    );
    const clash = writes && again >= 0;
    invariant(!clash, `${at} gets ${name} twice, at least once for writing`);
    const fixed = ["weight", "constant", "input"].includes(reference.kind);
    invariant(!(writes && fixed), `${at} writes ${name}`);
  }
}
