/** `Kept = measured(n)`: a size that is computed while the model runs. */

import type { Expr, Name } from "../../grammar/ast.ts";
import { error } from "../../grammar/diagnostic.ts";
import type { Span } from "../../grammar/source.ts";
import {
  asConstant,
  constant,
  type Dimension,
  showDimension,
  substitute,
  symbol,
  symbolsOf,
} from "../op/dimension.ts";
import { type BuiltinCall, sortArguments } from "./arguments.ts";
import { compare } from "./condition.ts";
import { type Body, demand, evaluate, fail, report } from "./context.ts";
import { rangeOf } from "./elementwise.ts";
import { emit } from "./emit.ts";
import { asSize } from "./number.ts";
import { describe, type Tensor, unknown, type Value } from "./value.ts";

/** The call of `measured` that a dim is bound to, if it is one. */
export function measuredCall(expr: Expr): BuiltinCall | undefined {
  if (expr.kind !== "call" || expr.callee.kind !== "name" || expr.callee.text !== "measured")
    return undefined;
  const { callee, arguments: given, span } = expr;
  return { name: "measured", arguments: given, span, nameSpan: callee.span };
}

/**
 * The size that `name` is from here on: a symbol of its own, which the graph measures. Nothing where
 * a mistake was reported.
 */
export function measuredSize(body: Body, name: Name, call: BuiltinCall): Dimension | undefined {
  const [argument] = sortArguments(body, call, 1, [], "Kept = measured(n)")?.positional ?? [];
  if (argument === undefined) return undefined;
  const value = evaluate(body, argument.value);
  // A number that is known needs no measuring.
  const known = asSize(value);
  if (known !== undefined) return known;
  const count = countOf(body, value, argument.value.span);
  if (count === undefined) return undefined;
  const most = mostOf(body, name, count, argument.value.span);
  if (most === undefined) return undefined;
  const own = freshSymbol(body, name.text);
  body.runtime.add(own);
  body.measured.set(own, most);
  if (body.mode === "instance")
    emit(body, { kind: "measure", symbol: own, most }, [count], call.span);
  return symbol(own);
}

function countOf(body: Body, value: Value, span: Span): Tensor | undefined {
  if (value.kind === "tensor" && value.element === "int" && value.axes.length === 0) return value;
  if (value.kind === "unknown") return undefined;
  const isTensor = value.kind === "tensor";
  fail(body, "dim/measured", {
    message: `\`measured\` takes one int, this is ${describe(value)}`,
    at: { span, note: "" },
    hint:
      isTensor && value.element === "bool"
        ? "count: `measured(sum(where(condition, 1, 0) over V))`"
        : isTensor && value.element === "float"
          ? "convert it: `int(floor(…))`"
          : "reduce it to one number: `sum(… over V)`",
  });
  return undefined;
}

/** Memory is made for the most rows that there can be, so that must be known before. */
function mostOf(body: Body, name: Name, count: Tensor, span: Span): Dimension | undefined {
  const { low, high } = rangeOf(count);
  const isBounded = low !== undefined && high !== undefined;
  const tell = () =>
    error("dim/measured", {
      message: `\`${name.text}\` cannot be shown to be from 0 to some number of rows`,
      at: {
        span,
        note: `from ${low ? showDimension(low) : "anything"} to ${high ? showDimension(high) : "anything"}`,
      },
      hint: "bound it: `measured(clamp(n, 0, V))`",
    });
  if (!isBounded) {
    report(body, tell());
    return undefined;
  }
  return demand(body, compare(constant(0), "<=", low), tell) ? high : undefined;
}

/** `name`, or `name_2`, `name_3`, …: the first that is no size yet. */
function freshSymbol(body: Body, name: string): string {
  if (!body.runtime.has(name)) return name;
  let count = 2;
  while (body.runtime.has(`${name}_${count}`)) count++;
  return `${name}_${count}`;
}

/**
 * Requires that `size` does not shrink where a measured size grows: memory is made for the most that
 * each of those can be.
 */
export function requireGrowing(body: Body, what: string, size: Dimension, span: Span): void {
  if (body.measured.size === 0 || asConstant(size) !== undefined || !shrinks(body, size)) return;
  fail(body, "dim/measured", {
    message: `\`${what}\` would shrink where a measured size grows: ${showDimension(size)}`,
    at: { span, note: "" },
    hint: `measure it by itself: \`${what} = measured(…)\``,
  });
}

function shrinks(body: Body, size: Dimension): boolean {
  return size.terms.some(({ numerator, powers }) =>
    [...powers].some(
      ([factor, power]) => (numerator < 0 || power < 0) && body.measured.has(factor),
    ),
  );
}

/** Sizes that `size` is at most, with what measured sizes can be at most in place of these. */
export function largerSizes(body: Body, size: Dimension): readonly Dimension[] {
  const own = [...symbolsOf(size)].filter((name) => body.measured.has(name));
  if (own.length === 0 || shrinks(body, size)) return [];
  const larger = substitute(size, body.measured);
  return [larger, ...largerSizes(body, larger)];
}

/** `measured(n)` where no dim is bound to it. */
export function measured(body: Body, call: BuiltinCall): Value {
  fail(body, "dim/measured", {
    message: "a measured size has a name",
    at: { span: call.span, note: "" },
    hint: "bind it to a dim: `Kept = measured(n)`, then `index(Kept)` counts its rows",
  });
  return unknown;
}
