/**
 * The calls of a region, one after another: usually one; two where its first kernel leaves something
 * for another to combine.
 */

import type { DispatchVariant, Size } from "../../runtime/contract.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Combine, Lowered } from "../kernel/lower/schedule.ts";
import type { ScheduleChoice } from "../kernel/schedule/choose-product.ts";
import {
  asConstant,
  constant,
  type Dimension,
  evaluateDimension,
  substitute,
} from "../op/dimension.ts";
import { sizeSymbol } from "./signature.ts";
import { sizeOf } from "./size.ts";

/** Kernels of which one is called. */
export interface Stage {
  readonly variants: readonly Variant[];
  readonly buffers: Kernel["buffers"];
  readonly scalars: readonly Dimension[];
  /** For each buffer of the kernels what is bound to it. */
  readonly places: readonly Place[];
  /** Elements of the memory in which it leaves work for the next stage, if it does. */
  readonly partial?: number;
}

/** A kernel, by name, and when it is called, if not for all sizes that are left. */
export interface Variant extends Pick<Lowered, "groups" | "flops"> {
  readonly kernel: string;
  readonly when?: ScheduleChoice["when"];
}

/** The index of a source in the signature, or what a region's kernels leave for each other. */
export type Place = { readonly index: number; readonly scales: boolean } | "partial";

/** A call of a stage for some sizes, what it is given left out. */
export interface SizedCall extends Pick<Stage, "partial"> {
  /** Equal for calls that differ in their buffers only. */
  readonly key: string;
  readonly variants: readonly DispatchVariant[];
  /** Whether the kernel writes the buffer. */
  readonly writes: readonly boolean[];
  readonly scalars: readonly Size[];
}

/** The call of a stage's kernels where the signature's sizes are `sizes`. */
export function sizedCall(
  { variants: list, buffers, scalars: dimensions, partial }: Stage,
  sizes: readonly Dimension[],
): SizedCall {
  const actual = new Map(sizes.map((size, index) => [sizeSymbol(index).key, size] as const));
  const planned = (size: Dimension): Size => sizeOf(substitute(size, actual));
  const variants = list.map(({ kernel, groups, flops, when }) => {
    const variant = { kernel, groups: planned(groups), flops: planned(flops) };
    if (when === undefined) return variant;
    return { when: { size: planned(when.size), atMost: when.atMost }, ...variant };
  });
  const scalars = dimensions.map(planned);
  return {
    key: JSON.stringify([variants, scalars]),
    variants,
    writes: buffers.map((buffer) => buffer.access !== "read"),
    scalars,
    ...(partial === undefined ? {} : { partial }),
  };
}

/** When the kernel called `name` combines, and when nothing is left to do for it. */
export function combineVariants(
  name: string,
  { lowered: { groups, flops }, unless }: Combine,
  lowered: readonly Lowered[],
  variants: readonly Variant[],
): readonly Variant[] {
  const nothing = { kernel: name, groups: constant(0), flops: constant(0) };
  const whole = asConstant(unless.size) === undefined ? [{ ...nothing, when: unless }] : [];
  const rest = variants.map(({ when }, index): Variant => {
    const leaves = lowered[index]?.combine !== undefined;
    const work = leaves ? { kernel: name, groups, flops } : nothing;
    return when === undefined ? work : { ...work, when };
  });
  return [...whole, ...rest];
}

/**
 * The most elements that the first kernel leaves: for any number of rows that its variant takes, since
 * fewer rows may leave more. Other variants leave nothing there.
 */
export function partialSize({ partial }: Combine, variants: readonly Variant[]): number {
  const { size, atMost = 0 } = variants.find(({ when }) => when !== undefined)?.when ?? {};
  const counts = size === undefined ? [0] : Array.from({ length: atMost }, (_, row) => row + 1);
  const rows = (count: number): ReadonlyMap<string, number> =>
    new Map(size === undefined ? [] : [[size.key, count]]);
  return Math.max(...counts.map((count) => evaluateDimension(partial, rows(count))));
}
