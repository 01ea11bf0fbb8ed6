/** The kernel shapes that a model calls for given lengths, each once, with the sizes of its largest call. */

import type { CheckedModel } from "../../compile.ts";
import type { Region } from "../../fusion/region.ts";
import { evaluateDimension } from "../../op/dimension.ts";
import type { KernelTable } from "../../plan/kernels.ts";
import type { PreparedPhase } from "../../plan/prepare.ts";
import { type Signature, sizeSymbol } from "../../plan/signature.ts";
import { runningPhases } from "../../report/consequences.ts";
import { afterwards, type Lengths } from "../../report/lengths.ts";

/** A region, where it stands. */
export interface PlacedRegion {
  readonly prepared: PreparedPhase;
  readonly region: Region;
  readonly signature: Signature;
}

/** One kernel of a model: a shape and one of its variants. */
export interface KernelShape extends PlacedRegion {
  /** The name of its kernel. */
  readonly name: string;
  readonly shape: string;
  /** Which variant of the shape: the ending of its name. */
  readonly suffix: string;
  /** What the symbols of the model are in the call that is timed, and those of the kernel. */
  readonly values: ReadonlyMap<string, number>;
  readonly sizes: ReadonlyMap<string, number>;
  /** Operations of that call. */
  readonly flops: number;
  /** Calls for a first question and one token after it. */
  readonly calls: number;
}

/** The shapes, those that compute most first. */
export function kernelShapes(
  { graph, phases }: CheckedModel,
  prepared: readonly PreparedPhase[],
  table: KernelTable,
  lengths: Lengths,
): readonly KernelShape[] {
  const { once, first, later } = runningPhases(phases);
  const found = new Map<string, KernelShape>();
  const run = (name: string | undefined, values: ReadonlyMap<string, number>): void => {
    for (const each of prepared) {
      if (each.phase.name !== name) continue;
      for (const placed of each.regions) {
        const shape = shapeOf({ prepared: each, ...placed }, table, values);
        if (shape === undefined) continue;
        const key = `${shape.shape}${shape.suffix}`;
        const before = found.get(key);
        const larger = before === undefined || before.flops < shape.flops ? shape : before;
        found.set(key, { ...larger, calls: (before?.calls ?? 0) + 1 });
      }
    }
  };
  for (const { name } of once) run(name, lengths.values);
  run(first?.name, lengths.values);
  run(later?.name, afterwards(graph, lengths, 1).values);
  return [...found.values()].sort((a, b) => b.flops * b.calls - a.flops * a.calls);
}

/** The kernel that computes a region for these sizes; undefined where it has no groups. */
function shapeOf(
  placed: PlacedRegion,
  table: KernelTable,
  values: ReadonlyMap<string, number>,
): KernelShape | undefined {
  const { prepared, region, signature } = placed;
  const { shape, lowered, choices } = table.entry(prepared, region, signature);
  const sizes = new Map(
    signature.sizes.map((size, index) => [sizeSymbol(index).key, evaluateDimension(size, values)]),
  );
  const variant = choices.findIndex(
    ({ when }) => when === undefined || evaluateDimension(when.size, sizes) <= when.atMost,
  );
  const [made, choice] = [lowered[variant], choices[variant]];
  if (made === undefined || choice === undefined) return undefined;
  if (evaluateDimension(made.groups, sizes) === 0) return undefined;
  const flops = evaluateDimension(made.flops, sizes);
  const { name } = made.kernel;
  return { ...placed, name, shape, suffix: choice.suffix, values, sizes, flops, calls: 1 };
}
