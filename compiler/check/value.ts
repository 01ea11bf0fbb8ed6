/**
 * What expressions are while a body is checked: tensors that are nodes of the graph, and values that
 * exist at compile time only. `unknown` stands where a mistake has been reported; whatever is made
 * of it is `unknown` again, so that one mistake gives one diagnostic.
 */

import type { Span } from "../../grammar/source.ts";
import type { ValueId } from "../graph/graph.ts";
import type { AxisName } from "../op/axis.ts";
import type { Dimension } from "../op/dimension.ts";
import type { Predicate, Score, Side } from "../op/predicate.ts";
import type { Element } from "../op/type.ts";
import type { Condition } from "./condition.ts";
import type { Range } from "./range.ts";

/** A node of the graph. */
export interface Tensor {
  readonly kind: "tensor";
  readonly id: ValueId;
  readonly element: Element;
  readonly axes: readonly AxisName[];
  /** What is known of an int's values; `tokens` are checked against every axis they select along. */
  readonly range?: Range | "tokens";
}

/**
 * A compile-time number. A whole one has a `size`, perhaps symbolic; any other a `value`, which is
 * undefined while a body is checked for all callers.
 */
export type NumberValue =
  | { readonly kind: "number"; readonly whole: true; readonly size: Dimension }
  | { readonly kind: "number"; readonly whole: false; readonly value: number | undefined };

/** Token data that a mask or score reads on one side; `label` is the axis's name in its formal. */
export interface DataUse {
  /** What the mask or score calls it. */
  readonly name: string;
  readonly side: Side;
  readonly value: Tensor;
  /** For each axis of the value its name in the mask's formal, by which heads and batches align. */
  readonly labels: readonly string[];
  /** The axes of a table, which the mask itself says where to read. */
  readonly table?: readonly AxisName[];
  readonly span: Span;
}

/** Whether both read the same data in the same way. */
export function isSameUse(a: DataUse, b: DataUse): boolean {
  const axes = ({ table = [] }: DataUse): string => table.join();
  return a.side === b.side && a.value.id === b.value.id && axes(a) === axes(b);
}

/** A segment that a mask asks about, where it does so. */
export interface SegmentAtom {
  readonly side: "q" | "k";
  readonly segment: string;
  readonly span: Span;
}

/** What masks and scores share: the data they read and the segments they name. */
export interface RowFacts {
  readonly data: readonly DataUse[];
  readonly atoms: readonly SegmentAtom[];
  /** Where each comparison, membership and constant is written, in the order of the predicate. */
  readonly leaves: readonly Span[];
  /** Mask or score formals of the block being checked that this one is made of. */
  readonly formals: readonly string[];
}

/** A predicate of a query and a key row; data facts index `data`. */
export interface MaskValue extends RowFacts {
  readonly kind: "mask";
  readonly predicate: Predicate;
}

/** A change of logits; data facts index `data`. */
export interface ScoreValue extends RowFacts {
  readonly kind: "score";
  readonly score: Score;
}

export type Value =
  | Tensor
  | NumberValue
  | MaskValue
  | ScoreValue
  | { readonly kind: "boolean"; readonly condition: Condition }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly Value[] | undefined }
  /** The results of `top`, or of a block that returns several values. */
  | { readonly kind: "several"; readonly values: readonly Value[] }
  | { readonly kind: "unknown" };

export const unknown: Value = { kind: "unknown" };

/** The facts of a mask or score that reads no data and names no segments. */
export const noFacts: RowFacts = { data: [], atoms: [], leaves: [], formals: [] };

/** A compile-time whole number. */
export function wholeNumber(size: Dimension): NumberValue {
  return { kind: "number", whole: true, size };
}

/** A compile-time real number; undefined while a body is checked for all callers. */
export function realNumber(value: number | undefined): NumberValue {
  return { kind: "number", whole: false, value };
}

/** What a value is, in a message. */
export function describe(value: Value): string {
  switch (value.kind) {
    case "tensor":
      return value.axes.length === 0 ? `one ${value.element}` : `a tensor of ${value.element}s`;
    case "number":
      return "a number";
    case "mask":
      return "a mask";
    case "score":
      return "a score";
    case "boolean":
      return "true or false";
    case "string":
      return "a string";
    case "list":
      return "a list";
    case "several":
      return `${value.values.length} values`;
    case "unknown":
      return "unknown";
  }
}
