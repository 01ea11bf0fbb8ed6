/**
 * What is known of rows: which axes are segments of which sequence, where rows stand, and which rows
 * of another axis they are. Positions of everything else follow from these.
 */

import type { AxisName } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";
import type { Tensor } from "./value.ts";

/** The rows of an axis as rows of another: by an index, or from `start` on. */
export type RowMap =
  | { readonly kind: "select"; readonly from: AxisName; readonly index: Tensor }
  | { readonly kind: "slice"; readonly from: AxisName; readonly start: Dimension }
  /** Rows were put under this axis in two different ways, so it is not known where they stand. */
  | { readonly kind: "ambiguous"; readonly from: AxisName };

/** The sequence an axis is a segment of. */
export interface SegmentOf {
  readonly sequence: AxisName;
  readonly segment: string;
}

/** Grows as a body is read; all keys are axes of the graph. */
export interface RowTable {
  /** The first sequence that each segment's own axis is part of. */
  readonly segmentOf: Map<AxisName, SegmentOf>;
  /** Positions that the text states, by `positions e`. */
  readonly stated: Map<AxisName, Tensor>;
  /** Axes whose positions the runtime fills in, with the name of that input. */
  readonly placed: Map<AxisName, string>;
  readonly maps: Map<AxisName, RowMap>;
  /** Axes of token inputs, whose rows may be *given*; formal axes may be bound to such. */
  readonly tokens: Set<AxisName>;
  /** Formal sequences, which may have more segments than a block knows. */
  readonly open: Set<AxisName>;
}

/** A table that knows nothing yet. */
export function emptyRowTable(): RowTable {
  return {
    segmentOf: new Map(),
    stated: new Map(),
    placed: new Map(),
    maps: new Map(),
    tokens: new Set(),
    open: new Set(),
  };
}
