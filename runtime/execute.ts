/**
 * A phase as commands for a backend: every size a number, every reference a place in memory.
 *
 * Steps over nothing (no groups, no elements) are left out, so that empty tensors need no kernel that
 * thinks of them. A step that comes out as in the call before is the same command, object and all: a
 * decode step changes few of them, and backends may remember what they made of a command. So is the
 * list of the buffers of a step that changed otherwise.
 */

import { type Command, elementBytes, type Slice } from "./backend.ts";
import type { BufferReference, PlanKernel, PlanPhase } from "./contract.ts";
import { invariant } from "./errors.ts";
import type { SymbolValues } from "./size.ts";
import { SizeTable } from "./size-table.ts";
import {
  accessesOf,
  type DirectReference,
  type LeafStep,
  occurrences,
  showReference,
} from "./steps.ts";

/** Where a reference lies in memory. */
export type Locate = (reference: DirectReference) => Slice;

/** A step with its references and sizes as numbers of lists. */
type Prepared =
  | {
      readonly kind: "dispatch";
      readonly label: string;
      /** The symbols that it depends on, as `SizeTable` marks them. */
      readonly symbols: number;
      readonly variants: readonly PreparedVariant[];
      readonly references: readonly number[];
      readonly scalars: readonly number[];
    }
  | {
      readonly kind: "copy";
      readonly label: string;
      readonly symbols: number;
      readonly from: number;
      readonly to: number;
      readonly size: number;
      readonly toOffset: number;
      readonly elementBytes: number;
    };

interface PreparedVariant {
  readonly kernel: string;
  readonly groups: number;
  readonly flops: number;
  readonly when: { readonly size: number; readonly atMost: number } | undefined;
}

/** The commands of one phase that measures nothing, or of a section of one, call after call. */
export class PhaseCommands {
  readonly #steps: readonly Prepared[];
  readonly #sizes: SizeTable = new SizeTable();
  readonly #references: DirectReference[] = [];
  /** The numbers of the references that may lie elsewhere in the next call. */
  readonly #movable: number[] = [];
  readonly #made: (Command | undefined)[] = [];
  readonly #commands: Command[] = [];
  /** Where the command of each step is in that list, if it has one. */
  readonly #places: number[] = [];
  /** By what changed: the steps that depend on it. */
  readonly #changing: Map<number, readonly number[]> = new Map();
  #locate: Locate | undefined;
  /** Where each reference lay when it was last looked for. */
  readonly #slices: (Slice | undefined)[] = [];

  constructor(phase: PlanPhase) {
    const numbers = new Map<string, number>();
    const numberOf = (reference: DirectReference): number => {
      const key = showReference(reference);
      const before = numbers.get(key);
      if (before !== undefined) return before;
      const number = this.#references.push(reference) - 1;
      numbers.set(key, number);
      const stays = reference.kind === "weight" || reference.kind === "constant";
      if (!stays) this.#movable.push(number);
      return number;
    };
    this.#steps = occurrences(phase.steps).map(({ step, resolve }) =>
      prepare(step, (reference) => numberOf(resolve(reference)), this.#sizes),
    );
  }

  /**
   * The commands for these sizes, in a list that the next call changes; `locate` says where a
   * reference lies. Weights and constants are asked for once: they never move.
   */
  at(values: SymbolValues, locate: Locate): readonly Command[] {
    this.#locate = locate;
    return this.#list(values, this.#look(locate));
  }

  /** As `at`, where nothing lies elsewhere than in the call before. */
  again(values: SymbolValues): readonly Command[] {
    return this.#list(values, false);
  }

  #list(values: SymbolValues, moved: boolean): readonly Command[] {
    const changed = this.#sizes.start(values);
    let compact = false;
    for (const index of moved ? this.#steps.keys() : this.#stepsOf(changed)) {
      const step = this.#steps[index];
      const before = this.#made[index];
      if (step === undefined) continue;
      const command =
        step.kind === "copy" ? this.#copy(step, before) : this.#dispatch(step, before, moved);
      if (command === before) continue;
      this.#made[index] = command;
      const place = this.#places[index];
      if (command === undefined || before === undefined || place === undefined) compact = true;
      else this.#commands[place] = command;
    }
    if (compact) this.#compact();
    return this.#commands;
  }

  /** Makes the list of the steps that do something. */
  #compact(): void {
    let count = 0;
    for (const [index, command] of this.#made.entries()) {
      this.#places[index] = count;
      if (command !== undefined) this.#commands[count++] = command;
    }
    this.#commands.length = count;
  }

  /** The steps that depend on symbols that changed. */
  #stepsOf(changed: number): readonly number[] {
    const known = this.#changing.get(changed);
    if (known !== undefined) return known;
    const found = [...this.#steps.keys()].filter(
      (index) => ((this.#steps[index]?.symbols ?? 0) & changed) !== 0,
    );
    this.#changing.set(changed, found);
    return found;
  }

  /** Looks for what may have moved since the call before; whether something has. */
  #look(locate: Locate): boolean {
    let moved = false;
    for (const number of this.#movable) {
      const [old, reference] = [this.#slices[number], this.#references[number]];
      if (old === undefined || reference === undefined) continue;
      const slice = locate(reference);
      if (old === slice || sameSlice(old, slice)) continue;
      this.#slices[number] = slice;
      moved = true;
    }
    return moved;
  }

  #dispatch(
    step: Extract<Prepared, { kind: "dispatch" }>,
    before: Command | undefined,
    moved: boolean,
  ): Command | undefined {
    const sizes = this.#sizes;
    const chosen = this.#variant(step);
    const { kernel } = chosen;
    const groups = sizes.at(chosen.groups);
    if (groups < 0) invariant(false, `${step.label} is to run ${groups} groups`);
    if (groups === 0) return undefined;
    const { label, references } = step;
    const flops = sizes.at(chosen.flops);
    const old = before?.kind === "dispatch" && before.kernel === kernel ? before : undefined;
    const lies = old !== undefined && (!moved || this.#lies(references, old.buffers));
    if (
      lies &&
      old.flops === flops &&
      old.groups === groups &&
      this.#equal(step.scalars, old.scalars)
    )
      return old;
    const buffers = lies ? old.buffers : references.map((each) => this.#slice(each));
    const scalars: number[] = [];
    for (const each of step.scalars) scalars.push(sizes.at(each));
    return { kind: "dispatch", label, kernel, groups, buffers, scalars, flops };
  }

  /** The first variant whose condition holds. */
  #variant({ label, variants }: Extract<Prepared, { kind: "dispatch" }>): PreparedVariant {
    for (const variant of variants) {
      const { when } = variant;
      if (when === undefined || this.#sizes.at(when.size) <= when.atMost) return variant;
    }
    invariant(false, `${label} has no variant for its sizes`);
  }

  /** Whether references still lie in these slices. */
  #lies(references: readonly number[], slices: readonly Slice[]): boolean {
    for (let at = 0; at < references.length; at++)
      if (this.#slice(references[at] ?? 0) !== slices[at]) return false;
    return true;
  }

  #equal(sizes: readonly number[], values: readonly number[]): boolean {
    for (let at = 0; at < sizes.length; at++)
      if (this.#sizes.at(sizes[at] ?? 0) !== values[at]) return false;
    return true;
  }

  #copy(
    { label, ...step }: Extract<Prepared, { kind: "copy" }>,
    before: Command | undefined,
  ): Command | undefined {
    // Memory ends with whole words, so what is copied beyond an odd half is nobody's.
    const bytes = Math.ceil((this.#sizes.at(step.size) * step.elementBytes) / 4) * 4;
    const toOffset = this.#sizes.at(step.toOffset) * step.elementBytes;
    if (bytes === 0) return undefined;
    const [from, to] = [this.#slice(step.from), this.#slice(step.to)];
    const fits =
      bytes > 0 &&
      bytes <= from.bytes &&
      toOffset >= 0 &&
      toOffset % 4 === 0 &&
      toOffset + bytes <= to.bytes;
    invariant(fits, `${label} copies ${bytes} bytes to ${toOffset} in ${to.bytes}`);
    const same =
      before?.kind === "copy" &&
      before.bytes === bytes &&
      before.toOffset === toOffset &&
      before.from === from &&
      before.to === to;
    return same ? before : { kind: "copy", label, from, to, bytes, toOffset };
  }

  /** Where a reference lies in this call; a place that is the same is the same object. */
  #slice(number: number): Slice {
    const known = this.#slices[number];
    if (known !== undefined) return known;
    const reference = this.#references[number];
    invariant(reference !== undefined, `there is no reference ${number}`);
    const slice = this.#locate?.(reference);
    invariant(slice !== undefined, "commands are asked for again before there were any");
    this.#slices[number] = slice;
    return slice;
  }
}

function prepare(
  step: LeafStep,
  numberOf: (reference: BufferReference) => number,
  sizes: SizeTable,
): Prepared {
  const { label } = step;
  invariant(step.kind !== "measure", `${label} is run with commands that depend on it`);
  if (step.kind === "copy") {
    const [from, to] = [numberOf(step.from), numberOf(step.to)];
    const [size, toOffset] = [sizes.add(step.size), sizes.add(step.toOffset)];
    const symbols = sizes.symbolsOf([step.size, step.toOffset]);
    const each = elementBytes[step.element ?? "f32"];
    return { kind: "copy", label, symbols, from, to, size, toOffset, elementBytes: each };
  }
  const variants = step.variants.map(({ kernel, groups, when, flops = step.flops }) => ({
    kernel,
    flops: sizes.add(flops),
    groups: sizes.add(groups),
    when: when === undefined ? undefined : { size: sizes.add(when.size), atMost: when.atMost },
  }));
  const references = step.buffers.map(numberOf);
  const scalars = step.scalars.map((scalar) => sizes.add(scalar));
  const used = step.variants.flatMap(({ groups, when, flops = step.flops }) => [
    groups,
    when?.size ?? 0,
    flops,
  ]);
  const symbols = sizes.symbolsOf([...used, ...step.scalars]);
  return { kind: "dispatch", label, symbols, variants, references, scalars };
}

function sameSlice(a: Slice, b: Slice): boolean {
  return a.buffer === b.buffer && a.offset === b.offset && a.bytes === b.bytes;
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
