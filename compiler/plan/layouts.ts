/**
 * Which weights are packed: those that products read as a whole, where all products that read a weight
 * want it the same way. A function of the graph and the target only.
 */

import type { WeightLayout } from "../../runtime/contract.ts";
import { Context } from "../kernel/lower/context.ts";
import { isPackedAs, wantedLayouts } from "../kernel/lower/packing.ts";
import { productOf } from "../kernel/lower/product.ts";
import type { Target } from "../kernel/target.ts";
import type { PreparedPhase } from "./prepare.ts";

/** The layouts of the weights that are not row-major, by name. */
export function weightLayouts(
  prepared: readonly PreparedPhase[],
  target: Target,
): ReadonlyMap<string, WeightLayout> {
  const chosen = new Map<string, WeightLayout>();
  if (target.family !== "cpu") return chosen;
  const refused = new Set<string>();
  for (const { phase, regions, stored } of prepared) {
    const context = new Context({
      graph: phase.graph,
      stored: (value) => stored.has(value),
      dimension: (size) => size,
      layouts: chosen,
      packs: new Map(),
      storage: () => "f32",
    });
    for (const { region } of regions) {
      if (region.kind !== "contract") continue;
      for (const { name, layout } of wantedLayouts(context, productOf(context, region)) ?? []) {
        const before = chosen.get(name);
        if (before !== undefined && !isPackedAs(before, layout)) refused.add(name);
        const quantized = target.weights;
        chosen.set(name, quantized === undefined ? layout : { ...layout, quantized });
      }
    }
  }
  for (const name of refused) chosen.delete(name);
  return chosen;
}
