/** What a bound inside a conjunction is about: which bounds can be judged together, and how. */

import type { Term } from "../op/predicate.ts";
import type { Bound } from "./cover.ts";
import type { Interval } from "./integer-set.ts";
import { byConstant, type Linear, readsPosition } from "./linear.ts";

/** A kind of linear form that tiles treat exactly, or `other`. */
export type Subject =
  /** The position of one side, or `q - k`, plus `rest`, which reads no position. */
  | { readonly kind: "q" | "k" | "difference"; readonly rest: Linear }
  /** `operand % divisor` for a positive constant; `of` says if the operand is one of the above. */
  | {
      readonly kind: "remainder";
      readonly operand: Linear;
      readonly divisor: number;
      readonly of: "q" | "k" | "difference" | "other";
    }
  | ({ readonly kind: "chunks" } & Chunks)
  | { readonly kind: "other" };

/** `(q + query) / divisor - (k + key) / divisor`, for a positive constant, lies in `interval`. */
export interface Chunks {
  readonly divisor: number;
  readonly query: number;
  readonly key: number;
  readonly interval: Interval;
}

/** What `bound` is about. */
export function subjectOfBound(bound: Bound): Subject {
  return remainderOf(bound.form) ?? chunksOf(bound) ?? positionOf(bound.form) ?? { kind: "other" };
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

function remainderOf(form: Linear): Subject | undefined {
  const [part, more] = form.parts;
  if (part === undefined || more !== undefined || part.coefficient !== 1) return undefined;
  const parsed = byConstant(part.atom, "%");
  if (parsed === undefined) return undefined;
  const { operand, divisor } = parsed;
  const inner = positionOf(operand);
  const plain = inner !== undefined && inner.rest.parts.length === 0 && operand.constant === 0;
  const of = plain ? inner.kind : "other";
  return { kind: "remainder", operand, divisor, of };
}

function chunksOf({ form, interval }: Bound): Subject | undefined {
  const [left, right, more] = form.parts;
  if (left === undefined || right === undefined || more !== undefined) return undefined;
  if (left.coefficient !== 1 || right.coefficient !== -1) return undefined;
  const [a, b] = [chunkOf(left.atom), chunkOf(right.atom)];
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
  atom: Term,
): { readonly side: "q" | "k"; readonly offset: number; readonly divisor: number } | undefined {
  const parsed = byConstant(atom, "/");
  if (parsed === undefined) return undefined;
  const inner = positionOf(parsed.operand);
  if (inner === undefined || (inner.kind !== "q" && inner.kind !== "k")) return undefined;
  if (inner.rest.parts.length > 0) return undefined;
  return { side: inner.kind, offset: parsed.operand.constant, divisor: parsed.divisor };
}
