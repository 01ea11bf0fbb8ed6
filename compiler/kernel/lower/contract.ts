/** Matrix products: the one place that chooses how a product is computed. */

import type { Region } from "../../fusion/region.ts";
import type { Context } from "./context.ts";
import { registerProduct } from "./product-registers.ts";
import type { Lowered, Schedule } from "./schedule.ts";

/** Lowers a region whose root is a `contract`. */
export function lowerContract(context: Context, region: Region, schedule: Schedule): Lowered {
  return registerProduct(context, region, schedule);
}
