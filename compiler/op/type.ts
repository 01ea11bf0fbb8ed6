/** Types of graph values: an element type and named axes in storage order (row-major). */

import type { AxisName } from "./axis.ts";

/** What the language distinguishes. Storage (f32, f16) and accumulation are the build's. */
export type Element = "float" | "int" | "bool";

export interface TensorType {
  readonly element: Element;
  /** Distinct; the last one is contiguous in memory. */
  readonly axes: readonly AxisName[];
}

/** The type of a single number. */
export function scalarType(element: Element): TensorType {
  return { element, axes: [] };
}

/** Whether two types are equal, order of axes included. */
export function equalTypes(a: TensorType, b: TensorType): boolean {
  return (
    a.element === b.element &&
    a.axes.length === b.axes.length &&
    a.axes.every((axis, index) => axis === b.axes[index])
  );
}
