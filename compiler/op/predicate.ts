/**
 * Masks and scores as data. A predicate says which keys a query sees, in terms of facts about one
 * query row and one key row. It is never sampled: `compiler/mask` reasons about it.
 */

/** Which row a fact is about: the query, the key, or neither (a number per head or batch). */
export type Side = "q" | "k" | "none";

/** Integer arithmetic over facts. `/` is floor division and `%` its remainder, as in the language. */
export type Term =
  | { readonly kind: "number"; readonly value: number }
  /** The row's position in the prompt; its index where the axis is no sequence. */
  | { readonly kind: "position"; readonly side: "q" | "k" }
  /** Integer token data: argument `index` of the attention's `data`, read at that row. */
  | { readonly kind: "data"; readonly index: number; readonly side: Side }
  | {
      readonly kind: "binary";
      readonly operator: TermOperator;
      readonly left: Term;
      readonly right: Term;
    }
  | { readonly kind: "absolute"; readonly operand: Term }
  /** Data `index` where its own axes are at `at`; 0 outside. `truth`: its numbers are 0 or 1. */
  | {
      readonly kind: "table";
      readonly index: number;
      readonly at: readonly TableIndex[];
      readonly truth: boolean;
    };

/** A place along one axis of a table. */
export interface TableIndex {
  readonly axis: string;
  readonly at: Term;
}

export type TermOperator = "+" | "-" | "*" | "/" | "%" | "min" | "max";

/** `>` and `>=` are written with the sides exchanged. */
export type Comparison = "<" | "<=" | "==" | "!=";

export type Predicate =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "not"; readonly operand: Predicate }
  | { readonly kind: "and" | "or"; readonly operands: readonly Predicate[] }
  | {
      readonly kind: "compare";
      readonly comparison: Comparison;
      readonly left: Term;
      readonly right: Term;
    }
  /** The row lies in that segment of its sequence. */
  | { readonly kind: "segment"; readonly side: "q" | "k"; readonly segment: string }
  /** The row was there when generation started (`k in given`). */
  | { readonly kind: "given"; readonly side: "q" | "k" };

/** A real-valued change of a logit before normalisation. */
export type Score =
  | { readonly kind: "logit" }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "position"; readonly side: "q" | "k" }
  | { readonly kind: "data"; readonly index: number; readonly side: Side }
  /** `bias[H, Offset = clamp(k - q, …)]`: data indexed along one of its own axes by a term. */
  | { readonly kind: "lookup"; readonly index: number; readonly axis: string; readonly at: Term }
  | { readonly kind: "unary"; readonly operator: ScoreUnary; readonly operand: Score }
  | {
      readonly kind: "binary";
      readonly operator: ScoreBinary;
      readonly left: Score;
      readonly right: Score;
    }
  | {
      readonly kind: "where";
      readonly condition: Predicate;
      readonly then: Score;
      readonly otherwise: Score;
    };

export type ScoreUnary = "negate" | "exp" | "log" | "sqrt" | "tanh" | "abs";
export type ScoreBinary = "+" | "-" | "*" | "/" | "min" | "max";

export const always: Predicate = { kind: "constant", value: true };
export const never: Predicate = { kind: "constant", value: false };
