/** Matrix products: the one place that chooses how a product is computed. */

import { unreachable } from "../../../grammar/invariant.ts";
import type { Region } from "../../fusion/region.ts";
import type { Context } from "./context.ts";
import { hasPanels } from "./packing.ts";
import { mostSums, productOf } from "./product.ts";
import { blockProduct, blockProductBytes } from "./product-blocks.ts";
import { groupedOf, groupedProduct } from "./product-grouped.ts";
import { panelProduct } from "./product-panels.ts";
import { reducedProduct } from "./product-reduce.ts";
import { registerProduct } from "./product-registers.ts";
import { warpGrouped, warpProduct } from "./product-warps.ts";
import { groupedAxis } from "../../graph/product-roles.ts";
import type { Lowered, Schedule } from "./schedule.ts";

/** Lowers a region whose root is a `contract`. */
export function lowerContract(context: Context, region: Region, schedule: Schedule): Lowered {
  const grouped = groupedAxis(context.graph, region.root);
  const byWarps = schedule.target.math !== undefined;
  if (grouped !== undefined) {
    return byWarps
      ? warpGrouped(context, groupedOf(context, region, grouped), schedule)
      : groupedProduct(context, region, schedule, grouped);
  }
  const product = productOf(context, region);
  if (hasPanels(context, product)) return panelProduct(context, product, schedule);
  if (byWarps) return warpProduct(context, product, schedule);
  switch (schedule.product) {
    case "registers":
      return registerProduct(context, region, schedule);
    case "blocks":
      // Many products of the same rows may need more group memory than there is.
      return blockProductBytes(mostSums(product)) <= schedule.target.groupMemory
        ? blockProduct(context, region, schedule)
        : registerProduct(context, region, schedule);
    case "reduce":
      return reducedProduct(context, region, schedule);
    default:
      return unreachable(schedule.product);
  }
}
