/**
 * Axes of graph values. An axis has a name that is unique in its graph: two values share an axis
 * exactly when they name the same one, and everything aligns by that.
 */

import type { Dimension } from "./dimension.ts";

/** The unique name of an axis in a graph, e.g. `S`, `H`, `S.key`. */
export type AxisName = string;

/**
 * Where the rows of an axis come from. `renamed`: the same rows under another name (`x[S as K]`).
 * `segment`: the rows of one segment of a sequence. `selected`: some rows of another axis, in an
 * order that a computed index gives. Lineage is what lets a mask say that a query and a key are
 * the same row.
 */
export type Lineage =
  | { readonly kind: "own" }
  | { readonly kind: "renamed"; readonly from: AxisName }
  | { readonly kind: "segment"; readonly of: AxisName; readonly segment: string }
  | { readonly kind: "selected"; readonly from: AxisName };

/** One segment of a sequence axis: its name in masks and the axis of its own rows. */
export interface Segment {
  readonly name: string;
  readonly axis: AxisName;
}

/** How the rows of a segment get their positions in the prompt. */
export interface Placement {
  readonly segment: string;
  /** The placeholder in the tokenised prompt; without one, segments follow each other as declared. */
  readonly placeholder?: string;
  /** The name of the int input over the segment's axis that groups rows of groups of different size. */
  readonly groups?: string;
}

export interface Axis {
  readonly name: AxisName;
  /** As the user wrote it; several axes of a graph may show the same. */
  readonly label: string;
  readonly size: Dimension;
  readonly lineage: Lineage;
  /**
   * Not empty for a sequence: the rows of its segments, one after another. A renamed sequence keeps
   * the segments of what it renames (with the segments' own axes).
   */
  readonly segments: readonly Segment[];
}

/** The axis whose rows `axis` shows under another name, itself if it is not renamed. */
export function rowsOf(axis: Axis, axes: ReadonlyMap<AxisName, Axis>): Axis {
  if (axis.lineage.kind !== "renamed") return axis;
  const from = axes.get(axis.lineage.from);
  return from === undefined ? axis : rowsOf(from, axes);
}
