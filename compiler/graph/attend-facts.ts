/** What masks and scores ask about a query row and a key row, answered from an attention's arguments. */

import { invariant } from "../../grammar/invariant.ts";
import type { Place, RowFacts } from "../op/evaluate-predicate.ts";
import {
  type AttendRows,
  type PartRows,
  type RowSegments,
  readView,
  type View,
} from "./attend-rows.ts";
import { extentOf, strideOf } from "./tensor.ts";

/** The facts of one batch entry; `at` moves them to a query row and a key row. */
export class AttendFacts implements RowFacts {
  readonly #attend: AttendRows;
  #batch = 0;
  #query = 0;
  #part: PartRows | undefined;
  #key = 0;

  /** Facts of the attention whose arguments are `attend`. */
  constructor(attend: AttendRows) {
    this.#attend = attend;
  }

  /** Moves to a pair of rows. */
  at(batch: number, query: number, part: PartRows, key: number): void {
    this.#batch = batch;
    this.#query = query;
    this.#part = part;
    this.#key = key;
  }

  position(side: "q" | "k"): number {
    const [view, row] =
      side === "q" ? [this.#attend.queryPosition, this.#query] : [this.#keys().position, this.#key];
    return readView(view, this.#batch, row, 0);
  }

  data(index: number, side: "q" | "k" | "none"): number {
    return readView(this.#view(index), this.#batch, this.#row(side), 0);
  }

  lookup(index: number, at: readonly Place[]): number | undefined {
    const tensor =
      this.#attend.arguments.data.get(index) ??
      this.#attend.arguments.parts[this.#attend.parts.indexOf(this.#keys())]?.data.get(index);
    invariant(tensor !== undefined, `an attention lacks its datum ${index}`);
    if (at.some(([axis, row]) => row < 0 || row >= extentOf(tensor, axis))) return undefined;
    const inside = at.reduce((sum, [axis, row]) => sum + row * strideOf(tensor, axis), 0);
    return tensor.data[(this.#view(index).bases[this.#batch] ?? 0) + inside] ?? Number.NaN;
  }

  inSegment(side: "q" | "k", segment: string): boolean {
    return this.#segments(side).segment[this.#row(side)] === segment;
  }

  given(side: "q" | "k"): boolean {
    return this.#segments(side).given[this.#row(side)] ?? true;
  }

  #segments(side: "q" | "k"): RowSegments {
    return side === "q" ? this.#attend.segments : this.#keys().segments;
  }

  #row(side: "q" | "k" | "none"): number {
    return side === "q" ? this.#query : side === "k" ? this.#key : 0;
  }

  #view(index: number): View {
    const view = this.#attend.data.get(index) ?? this.#keys().data.get(index);
    invariant(view !== undefined, `an attention lacks its datum ${index}`);
    return view;
  }

  #keys(): PartRows {
    invariant(this.#part !== undefined, "facts were asked for before a key was chosen");
    return this.#part;
  }
}
