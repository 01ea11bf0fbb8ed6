/**
 * Packing weights into panels as they are loaded: consecutive row-major values come in, runs of the
 * packed memory go out. Holds a few rows at a time, never a whole weight.
 */

import type { HalfElement } from "../backend.ts";
import type { PlanWeight, WeightLayout } from "../contract.ts";
import { elementCount } from "../tensor.ts";
import { emptyValues, type WeightValues } from "./narrow.ts";
import { quantizedElements } from "./quantize.ts";

/** Takes a run of packed values; `offset` counts elements from the first. Valid during the call. */
export type PackedSink = (values: WeightValues, offset: number) => Promise<void>;

/** Rows that wait for each other where the inner index comes first: runs of so many steps. */
const stepsAtOnce = 256;

/** The elements that a weight has on the device, what is past the last column included. */
export function storedElements({ shape, layout }: PlanWeight): number {
  if (layout === undefined) return elementCount(shape);
  const { batch, columns, inner, width, quantized } = layout;
  if (quantized !== undefined) return quantizedElements(layout, quantized).words;
  return batch * Math.ceil(columns / width) * inner * width;
}

/** Packs the values of one weight, which are given in order: floats, or patterns of an `element`. */
export class Packer {
  readonly #layout: WeightLayout;
  readonly #sink: PackedSink;
  readonly #element: HalfElement | undefined;
  readonly #rowLength: number;
  readonly #rows: WeightValues;
  /** Values that wait in `#rows`. */
  #waiting = 0;
  /** The row, of all batches, that the first waiting value begins. */
  #firstRow = 0;

  constructor(layout: WeightLayout, sink: PackedSink, element?: HalfElement) {
    this.#layout = layout;
    this.#element = element;
    this.#sink = sink;
    const { inner, columns, innerFirst, width } = layout;
    this.#rowLength = innerFirst ? columns : inner;
    this.#rows = emptyValues(this.#rowLength * (innerFirst ? stepsAtOnce : width), element);
  }

  /** Takes the next values. */
  async push(values: WeightValues): Promise<void> {
    let taken = 0;
    while (taken < values.length) {
      const room = this.#rowsOfBlock() * this.#rowLength;
      const piece = values.subarray(taken, taken + room - this.#waiting);
      this.#rows.set(piece, this.#waiting);
      this.#waiting += piece.length;
      taken += piece.length;
      if (this.#waiting === room) await this.#flush();
    }
  }

  /** The rows that are packed together from `#firstRow` on: batches do not share a panel. */
  #rowsOfBlock(): number {
    const { columns, inner, innerFirst, width } = this.#layout;
    const rows = innerFirst ? inner : columns;
    return Math.min(innerFirst ? stepsAtOnce : width, rows - (this.#firstRow % rows));
  }

  async #flush(): Promise<void> {
    const count = this.#rowsOfBlock();
    if (this.#layout.innerFirst) await this.#flushSteps(count);
    else await this.#flushColumns(count);
    this.#firstRow += count;
    this.#waiting = 0;
  }

  /** The rows are the columns of one panel. */
  async #flushColumns(count: number): Promise<void> {
    const { columns, inner, width } = this.#layout;
    const panel = emptyValues(inner * width, this.#element);
    for (let lane = 0; lane < count; lane++) {
      for (let k = 0; k < inner; k++) panel[k * width + lane] = this.#rows[lane * inner + k] ?? 0;
    }
    const batch = Math.floor(this.#firstRow / columns);
    const index = Math.floor((this.#firstRow % columns) / width);
    await this.#sink(panel, (batch * Math.ceil(columns / width) + index) * inner * width);
  }

  /** The rows are steps along the inner index, of all columns. */
  async #flushSteps(count: number): Promise<void> {
    const { columns, inner, width } = this.#layout;
    const panels = Math.ceil(columns / width);
    const batch = Math.floor(this.#firstRow / inner);
    const first = this.#firstRow % inner;
    for (let index = 0; index < panels; index++) {
      const run = emptyValues(count * width, this.#element);
      const lanes = Math.min(width, columns - index * width);
      for (let step = 0; step < count; step++) {
        const from = step * columns + index * width;
        run.set(this.#rows.subarray(from, from + lanes), step * width);
      }
      await this.#sink(run, ((batch * panels + index) * inner + first) * width);
    }
  }
}
