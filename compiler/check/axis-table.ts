/**
 * The axes of a graph in the making. Two axes are the same exactly when they have the same name, so
 * equal layers share axes (an axis is found again by label, size and lineage), but an axis that came
 * in from a caller is never taken for a local one of the same label.
 */

import type { GraphBuilder } from "../graph/build.ts";
import type { Axis, AxisName, Lineage, Segment } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";

/** An axis to be found or made. */
export interface AxisWish {
  readonly label: string;
  readonly size: Dimension;
  readonly lineage?: Lineage;
  readonly segments?: readonly Segment[];
}

export class AxisTable {
  readonly #graph: GraphBuilder;
  readonly #interned = new Map<string, AxisName[]>();

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** The axis that is as wished and not in `avoid`, made if there is none. */
  intern(wish: AxisWish, avoid: ReadonlySet<AxisName>): AxisName {
    const { label, size, lineage = { kind: "own" }, segments = [] } = wish;
    const source = lineage.kind === "own" ? "" : Object.values(lineage).join(" ");
    const key = `${label}|${size.key}|${source}|${segments.map((each) => each.axis).join(" ")}`;
    const known = this.#interned.get(key) ?? [];
    const found = known.find((name) => !avoid.has(name));
    if (found !== undefined) return found;
    const name = this.#graph.addFreshAxis({ label, size, lineage, segments });
    this.#interned.set(key, [...known, name]);
    return name;
  }

  /** The axis called `name`, which must exist. */
  get(name: AxisName): Axis {
    const axis = this.#graph.axis(name);
    if (axis === undefined) throw new RangeError(`there is no axis ${name}`);
    return axis;
  }

  /** The size of the axis called `name`. */
  size(name: AxisName): Dimension {
    return this.get(name).size;
  }

  /** The axis whose rows `name` shows under another name, itself if it is not renamed. */
  rows(name: AxisName): AxisName {
    const { lineage } = this.get(name);
    return lineage.kind === "renamed" ? this.rows(lineage.from) : name;
  }
}
