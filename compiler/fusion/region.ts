/**
 * A region: the part of a graph that becomes one kernel. The root is computed with loops of its own,
 * what leads to it is computed where it is read (prologue), and elementwise values from the root to
 * `result` are the epilogue.
 */

import type { ValueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";

/** What a kernel's buffer is bound to. */
export type BufferSource =
  | { readonly kind: "value"; readonly value: ValueId }
  | { readonly kind: "weight"; readonly name: string }
  | { readonly kind: "table"; readonly value: ValueId }
  | { readonly kind: "input"; readonly name: string }
  | { readonly kind: "state"; readonly name: string }
  /** What a kernel of the region that computes `value` leaves for the next one of it. */
  | { readonly kind: "partial"; readonly value: ValueId };

/** Equal for sources that are the same memory. */
export function sourceKey(source: BufferSource): string {
  return `${source.kind} ${"name" in source ? source.name : source.value}`;
}

/** Where a region's result goes: memory of its own, some rows of a joined value, or a cache. */
export interface Store {
  /** The value whose memory is written. */
  readonly value: ValueId;
  readonly target: BufferSource;
  /** Axes of the result that are a part of the memory's; empty where it is stored as a whole. */
  readonly rows: readonly StoredRows[];
}

/** The computed axis `axis` is the rows `start …` of the memory's axis `into`. */
export interface StoredRows {
  readonly axis: AxisName;
  readonly into: AxisName;
  readonly start: Dimension;
}

/** A value that a region computes, and where it goes. */
export interface Result {
  readonly result: ValueId;
  readonly store: Store;
}

export interface Region extends Result {
  readonly kind: "map" | "reduce" | "rows" | "contract" | "attend" | "scan";
  readonly root: ValueId;
  /** What the kernel computes besides: other products of the same rows, other elementwise values. */
  readonly besides?: readonly Result[];
  /** Of `rows`: what the result is computed from, in order. */
  readonly steps?: readonly RowStep[];
  /** Why the region ends where it ends. */
  readonly reason: string;
}

/** What a region computes, however. */
export type Computed = Pick<Region, "result" | "store" | "besides">;

/**
 * A reduction of a row, and what is computed from it elementwise that others read; or a value of all
 * elements of the row that is worth keeping, whose root is itself.
 */
export interface RowStep {
  readonly root: ValueId;
  readonly result: ValueId;
}

/** All that a region computes. */
export function resultsOf(region: Computed): readonly Result[] {
  return [region, ...(region.besides ?? [])];
}

/** The region with results that it computes besides. */
export function withResults(region: Region, others: readonly Result[]): Region {
  const added = others.map(({ result, store }) => ({ result, store }));
  return { ...region, besides: [...(region.besides ?? []), ...added] };
}

/**
 * Whether the result is made where it has memory of its own. Else it goes into a join or a cache; if
 * it has memory, too, the region copies it from there.
 */
export function makesItsResult({ store, result }: Result): boolean {
  return store.value === result;
}

/** The regions of a graph, in an order in which they can run. */
export interface Fused {
  readonly regions: readonly Region[];
  /** The values that lie in memory (those of states, inputs and weights aside). */
  readonly stored: ReadonlySet<ValueId>;
}
