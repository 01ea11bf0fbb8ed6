/**
 * A phase as commands for a backend: every size a number, every reference a place in memory.
 *
 * Pure. Steps over nothing (no groups, no elements) are left out, so that empty tensors need no
 * kernel that thinks of them.
 */

import type { Command, Slice } from "./backend.ts";
import type { DispatchVariant, PlanKernel, PlanPhase } from "./contract.ts";
import { invariant } from "./errors.ts";
import { evaluateSize, type SymbolValues } from "./size.ts";
import { accessesOf, type DirectReference, type LeafStep, occurrences } from "./steps.ts";

/** The commands of `phase` for these sizes; `locate` says where a reference lies. */
export function commandsOf(
  phase: PlanPhase,
  values: SymbolValues,
  locate: (reference: DirectReference) => Slice,
): readonly Command[] {
  return occurrences(phase.steps).flatMap(({ step, resolve }) => {
    const command =
      step.kind === "copy"
        ? copyOf(step, values, locate(resolve(step.from)), locate(resolve(step.to)))
        : dispatchOf(step, values, () => step.buffers.map((each) => locate(resolve(each))));
    return command === undefined ? [] : [command];
  });
}

/** The variant of a step for these sizes: the first whose condition holds. */
export function chooseVariant(
  variants: readonly DispatchVariant[],
  values: SymbolValues,
): DispatchVariant {
  const chosen = variants.find(
    ({ when }) => when === undefined || evaluateSize(when.size, values) <= when.atMost,
  );
  invariant(chosen !== undefined, "a step has no variant for its sizes");
  return chosen;
}

/**
 * Pairs of temporaries of `phase` of which one step reads the one and writes the other, for devices
 * that cannot do both in one buffer.
 */
export function readWritePairs(
  phase: PlanPhase,
  kernels: ReadonlyMap<string, PlanKernel>,
): readonly (readonly [string, string])[] {
  const pairs = new Map<string, readonly [string, string]>();
  for (const occurrence of occurrences(phase.steps)) {
    const accesses = accessesOf(occurrence, kernels).filter(
      ({ reference }) => reference.kind === "buffer",
    );
    const written = accesses.filter(({ writes }) => writes);
    for (const { reference } of accesses.filter(({ writes }) => !writes)) {
      for (const { reference: target } of written) {
        pairs.set(`${reference.name}\n${target.name}`, [reference.name, target.name]);
      }
    }
  }
  return [...pairs.values()];
}

function dispatchOf(
  step: Extract<LeafStep, { kind: "dispatch" }>,
  values: SymbolValues,
  buffers: () => readonly Slice[],
): Command | undefined {
  const { kernel, groups: size } = chooseVariant(step.variants, values);
  const groups = evaluateSize(size, values);
  invariant(groups >= 0, `${step.label} is to run ${groups} groups`);
  if (groups === 0) return undefined;
  const scalars = step.scalars.map((scalar) => evaluateSize(scalar, values));
  return { kind: "dispatch", label: step.label, kernel, groups, buffers: buffers(), scalars };
}

function copyOf(
  step: Extract<LeafStep, { kind: "copy" }>,
  values: SymbolValues,
  from: Slice,
  to: Slice,
): Command | undefined {
  const bytes = evaluateSize(step.size, values) * 4;
  const toOffset = evaluateSize(step.toOffset, values) * 4;
  if (bytes === 0) return undefined;
  const fits = bytes > 0 && bytes <= from.bytes && toOffset >= 0 && toOffset + bytes <= to.bytes;
  invariant(fits, `${step.label} copies ${bytes} bytes to ${toOffset} in ${to.bytes}`);
  return { kind: "copy", label: step.label, from, to, bytes, toOffset };
}
