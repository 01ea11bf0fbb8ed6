/** What a bound inside a conjunction is about: which bounds can be judged together, and how. */

import type { Interval } from "./integer-set.ts";
import { byConstant, type Linear, type LinearPart, readsPosition } from "./linear.ts";

/** `form`, whose constant is 0, lies in one interval. */
export interface Bound {
  readonly form: Linear;
  readonly interval: Interval;
  readonly subject: Subject;
}

/** A kind of linear form that tiles treat exactly, or `other`. */
export type Subject =
  /** The position of one side, or `q - k`, plus `rest`, which reads no position. */
  | { readonly kind: "q" | "k" | "difference"; readonly rest: Linear }
  /** The remainder of `operand`; `of` says if the operand is one of the above. */
  | ({
      readonly kind: "remainder";
      readonly operand: Linear;
      readonly of: "q" | "k" | "difference" | "other";
    } & Residue)
  | ({ readonly kind: "chunks" } & Chunks)
  | { readonly kind: "other" };

/** A remainder by a positive constant is one of those from `low` to `high`, which it can be. */
export interface Residue {
  readonly divisor: number;
  readonly low: number;
  readonly high: number;
}

/** `(q + query) / divisor - (k + key) / divisor`, for a positive constant, lies in `interval`. */
export interface Chunks {
  readonly divisor: number;
  readonly query: number;
  readonly key: number;
  readonly interval: Interval;
}

/** The bound that `form` lies in `interval`. */
export function boundOf(form: Linear, interval: Interval): Bound {
  const subject = remainderOf(form, interval) ?? chunksOf(form, interval) ?? positionOf(form);
  return { form, interval, subject: subject ?? { kind: "other" } };
}

type PositionSubject = Extract<Subject, { readonly rest: Linear }>;

function positionOf(form: Linear): PositionSubject | undefined {
  const rest = form.parts.filter((part) => part.atom.kind !== "position");
  if (rest.some((part) => readsPosition(part.atom, "q") || readsPosition(part.atom, "k")))
    return undefined;
  const coefficient = (side: "q" | "k"): number =>
    form.parts.find((part) => part.key === side)?.coefficient ?? 0;
  const kind = kindOf(coefficient("q"), coefficient("k"));
  return kind === undefined ? undefined : { kind, rest: { constant: form.constant, parts: rest } };
}

function kindOf(query: number, key: number): "q" | "k" | "difference" | undefined {
  if (query === 1 && key === 0) return "q";
  if (query === 0 && key === 1) return "k";
  return query === 1 && key === -1 ? "difference" : undefined;
}

function remainderOf(form: Linear, interval: Interval): Subject | undefined {
  const [part, more] = form.parts;
  if (part === undefined || more !== undefined || part.coefficient !== 1) return undefined;
  const parsed = byConstant(part, "%");
  if (parsed === undefined) return undefined;
  const { operand, divisor } = parsed;
  const inner = positionOf(operand);
  const plain = inner !== undefined && inner.rest.parts.length === 0 && operand.constant === 0;
  const of = plain ? inner.kind : "other";
  const low = Math.max(interval.low, 0);
  const high = Math.min(interval.high, divisor - 1);
  return { kind: "remainder", operand, of, divisor, low, high };
}

function chunksOf(form: Linear, interval: Interval): Subject | undefined {
  const [left, right, more] = form.parts;
  if (left === undefined || right === undefined || more !== undefined) return undefined;
  if (left.coefficient !== 1 || right.coefficient !== -1) return undefined;
  const [a, b] = [chunkOf(left), chunkOf(right)];
  if (a === undefined || b === undefined || a.divisor !== b.divisor) return undefined;
  const { divisor } = a;
  const { low, high } = interval;
  if (a.side === "q" && b.side === "k")
    return { kind: "chunks", divisor, query: a.offset, key: b.offset, interval };
  if (a.side === "k" && b.side === "q")
    return {
      kind: "chunks",
      divisor,
      query: b.offset,
      key: a.offset,
      interval: { low: -high, high: -low },
    };
  return undefined;
}

/** `(side + offset) / divisor`. */
function chunkOf(
  part: LinearPart,
): { readonly side: "q" | "k"; readonly offset: number; readonly divisor: number } | undefined {
  const parsed = byConstant(part, "/");
  if (parsed === undefined) return undefined;
  const inner = positionOf(parsed.operand);
  if (inner === undefined || (inner.kind !== "q" && inner.kind !== "k")) return undefined;
  if (inner.rest.parts.length > 0) return undefined;
  return { side: inner.kind, offset: parsed.operand.constant, divisor: parsed.divisor };
}
