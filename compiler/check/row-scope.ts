/** What the body of a mask or score can speak of: two rows, token data, and numbers. */

import type { Expr } from "../../grammar/ast.ts";
import { type Diagnostic, didYouMean, error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import type { AxisName } from "../op/axis.ts";
import type { Side } from "../op/predicate.ts";
import { type Body, report } from "./context.ts";
import { emit } from "./emit.ts";
import { type DataUse, isSameUse, type SegmentAtom, type Tensor } from "./value.ts";

/** A mask's or score's body while it is read; its lists grow. */
export interface RowScope {
  readonly body: Body;
  readonly what: "mask" | "score";
  readonly query: string;
  readonly key: string;
  /** The name of the logit, in a score. */
  readonly logit?: string;
  /** The axes of each data formal, as it names them. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  readonly data: DataUse[];
  readonly atoms: SegmentAtom[];
  readonly leaves: Span[];
  readonly formals: Set<string>;
}

/** The side that a name is, if it is one of the two rows. */
export function sideOf(rows: RowScope, expr: Expr): "q" | "k" | undefined {
  if (expr.kind !== "name") return undefined;
  if (expr.text === rows.query) return "q";
  return expr.text === rows.key ? "k" : undefined;
}

/** A data formal that is read: its value, its axes' names, and at which row. */
export interface DataRead {
  /** The formal. */
  readonly name: string;
  readonly value: Tensor;
  readonly labels: readonly string[];
  readonly side: Side;
  /** The axes of a table, see `DataUse`. */
  readonly table?: readonly AxisName[];
  readonly span: Span;
}

/** `document[q]`, `width`, `bias[H]`: token data that a formal brings, if `expr` is such. */
export function dataOf(rows: RowScope, expr: Expr): DataRead | undefined {
  const name = expr.kind === "bracket" ? expr.target : expr;
  if (name.kind !== "name") return undefined;
  const value = rows.body.scope.values.get(name.text);
  if (value?.kind !== "tensor") return undefined;
  const labels = rows.labels.get(name.text) ?? [];
  let side: Side = "none";
  for (const item of expr.kind === "bracket" ? expr.items : []) {
    if (item.kind !== "value") continue;
    side = sideOf(rows, item.value) ?? side;
    const isLabel = item.value.kind === "name" && labels.includes(item.value.text);
    if (sideOf(rows, item.value) !== undefined || isLabel) continue;
    refuse(rows, {
      code: `${rows.what}/data`,
      message: `data is read at \`${rows.query}\` or \`${rows.key}\``,
      span: item.span,
      hint: `write \`${name.text}[${rows.query}]\` or \`${name.text}[${rows.key}]\``,
    });
  }
  return { name: name.text, value, labels, side, span: expr.span };
}

/** The number of a data use in the list of all, added if it is new. */
export function useData(rows: RowScope, read: DataRead): number {
  const value = asInt(rows, read.value, read.span);
  const use: DataUse = { ...read, value };
  const found = rows.data.findIndex((each) => isSameUse(each, use));
  return found === -1 ? rows.data.push(use) - 1 : found;
}

/** Predicates compare integers: a bool becomes 0 or 1. */
function asInt(rows: RowScope, value: Tensor, span: Span): Tensor {
  if (value.element !== "bool") return value;
  return emit(rows.body, { kind: "map", fn: "int" }, [value], span);
}

/** Reports a mistake in a mask or score. */
export function refuse(
  rows: RowScope,
  facts: { code: string; message: string; span: Span; hint: string; also?: Diagnostic["also"] },
): undefined {
  const { code, message, span, hint, also = [] } = facts;
  report(rows.body, error(code, { message, at: { span, note: "" }, also, hint }));
  return undefined;
}

/** Reports a name that a mask or score does not know. */
export function refuseName(rows: RowScope, name: string, span: Span): undefined {
  const known = [
    rows.query,
    rows.key,
    ...(rows.logit === undefined ? [] : [rows.logit]),
    ...rows.body.scope.values.keys(),
    ...[...rows.body.scope.module.names].flatMap(([each, definition]) =>
      definition.kind === "mask" ? [each] : [],
    ),
  ];
  return refuse(rows, {
    code: "name/unknown",
    message: `nothing is called \`${name}\` in this ${rows.what}`,
    span,
    hint: didYouMean(name, known) ?? `it knows ${known.map((each) => `\`${each}\``).join(", ")}`,
  });
}
