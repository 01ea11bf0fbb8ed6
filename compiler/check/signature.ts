/** What callers need to know of a block, found by checking its body once. */

import type { Dimension } from "../op/dimension.ts";
import type { Demand, SegmentDemand } from "./context.ts";

export interface Signature {
  /** Sizes of axes that only the result has and that the body decides, in the block's own symbols. */
  readonly sizes: ReadonlyMap<string, Dimension>;
  /** Axes that only the result has and whose size the caller must say. */
  readonly sizedByCaller: ReadonlySet<string>;
  /** What must hold of the sizes at a call. */
  readonly demands: readonly Demand[];
  /** The segments that masks ask of the rows at a call; formal axes by the label they have. */
  readonly segmentDemands: readonly SegmentDemand[];
}
