/** The kernels that a shape may have: the default, and one for each legal variation that differs. */

import type { BufferSource } from "../../fusion/region.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Lowered } from "../../kernel/lower/schedule.ts";
import { fitsBudgets, type Variation, variationsOf, varied } from "../../kernel/schedule/space.ts";
import { KernelTable } from "../../plan/kernels.ts";
import type { KernelShape } from "./shapes.ts";

/** One kernel to time. */
export interface Candidate {
  /** Undefined for the default. */
  readonly variation: Variation | undefined;
  readonly lowered: Lowered;
  /** What the buffers of its kernel are, in their order. */
  readonly sources: readonly BufferSource[];
}

/** The candidates of the `index`-th shape, the default first; their names are unique. */
export function candidatesOf(
  shape: KernelShape,
  table: KernelTable,
  index: number,
): readonly Candidate[] {
  const { prepared, region, signature } = shape;
  const { elements, layouts, packs } = table;
  // One kernel is timed, so no other one combines what groups found that share keys.
  const target = { ...table.target, splitKeys: Number.POSITIVE_INFINITY };
  const usually = new KernelTable(target, elements, { layouts, packs });
  const { lowered, choices } = usually.entry(prepared, region, signature);
  // The model's own table leaves out what never runs.
  const variant = choices.findIndex(({ suffix }) => suffix === shape.suffix);
  const [usual, choice] = [lowered[variant], choices[variant]];
  if (usual === undefined || choice === undefined) return [];
  const known = new Set([textOf(usual.kernel)]);
  const sourcesOf = (from: KernelTable): readonly BufferSource[] =>
    from.calls(prepared, region, signature)[0]?.sources ?? [];
  const candidates: Candidate[] = [
    { variation: undefined, lowered: usual, sources: sourcesOf(usually) },
  ];
  for (const variation of variationsOf(region.kind, choice)) {
    const varies = new KernelTable(target, elements, { layouts, packs }, [], {
      choose: (_, each) =>
        each.suffix === choice.suffix ? varied(each.schedule, variation) : each.schedule,
    });
    const made = varies.entry(prepared, region, signature).lowered[variant];
    if (made === undefined || !fitsBudgets(made.kernel, usual.kernel, target)) continue;
    // Some variations change nothing of some kernels.
    const text = textOf(made.kernel);
    if (known.has(text)) continue;
    known.add(text);
    candidates.push({ variation, lowered: made, sources: sourcesOf(varies) });
  }
  return candidates.map(({ lowered: made, ...each }, number) => ({
    ...each,
    lowered: { ...made, kernel: { ...made.kernel, name: `kernel_${index}_${number}` } },
  }));
}

function textOf({ body, arrays, workgroupSize }: Kernel): string {
  return JSON.stringify([body, arrays, workgroupSize]);
}
