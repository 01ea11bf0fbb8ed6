/**
 * Replaces functions that targets lack, or have with too little precision, by expressions of what
 * they have; likewise divisions that round down, divisions by powers of two, and bool in memory.
 *
 * The expansions are the same for all targets, so kernels give the same bits up to the order of sums
 * and the fusing of multiplications with additions; languages with functions have each of them once,
 * as a function. Values used more than once get a name before the
 * statement, but in the elements of a warp's tiles. Needs a kernel without other tiles.
 */

import { invariant } from "../../../../grammar/invariant.ts";
import * as build from "../../build.ts";
import type { CallFunction, Expr, Kernel, Statement } from "../../kernel.ts";
import { i32 } from "../../kernel.ts";
import { mapBlocks, mapChildren, mapExpressions } from "../../rewrite.ts";
import { declare } from "../../statements.ts";
import { Names } from "../names.ts";
import { acos, type Bind, erf, exp, exp2, exp2Negative, log, tanh } from "./elementary.ts";
import { cos, sin } from "./trigonometry.ts";

const expansions: Partial<Readonly<Record<CallFunction, (x: Expr, bind: Bind) => Expr>>> = {
  ...{ exp, exp2, exp2_negative: exp2Negative, log, tanh, erf, acos, sin, cos },
};

/** A function of one value as statements and a result. */
export interface Expansion {
  readonly body: readonly Statement[];
  readonly result: Expr;
}

/** Whether `fn` has a definition of our own. */
export function isOurs(fn: CallFunction): boolean {
  return expansions[fn] !== undefined;
}

/** Our own definition of `fn` at `x`, or nothing where targets' own will do. */
export function expansionOf(fn: CallFunction, x: Expr): Expansion | undefined {
  const body: Statement[] = [];
  const bind: Bind = (value, name) => {
    const fresh = `${name}_${body.length}`;
    body.push(declare(fresh, value));
    return build.variable(fresh, value.type);
  };
  const result = expansions[fn]?.(x, bind);
  return result === undefined ? undefined : { body, result };
}

/** What a target has. */
export interface FunctionOptions {
  /** Whether the printer writes our own definitions as functions; they are written out otherwise. */
  readonly helpers: boolean;
  /** Whether there is `1 / sqrt(x)` in one step. */
  readonly inverseSqrt: boolean;
  /** Whether `min`, `max` and `abs` of single i32 exist. */
  readonly integerExtremes: boolean;
  /** Whether there is `a * b + c` in one step. */
  readonly fusedMultiply: boolean;
}

/** `kernel` with only functions that every target has, and those of `options`. */
export function expandFunctions(kernel: Kernel, options: FunctionOptions): Kernel {
  const names = new Names(kernel);
  // Unrolled statements share the objects of their parts, and most have nothing to expand.
  const asTheyAre = new Set<Expr>();
  return { ...kernel, body: block(kernel.body) };

  function expanded(expr: Expr, bind: Bind): Expr {
    if (asTheyAre.has(expr)) return expr;
    const result = expand(withParts(expr, bind), options, bind);
    if (result === expr) asTheyAre.add(expr);
    return result;
  }

  function withParts(expr: Expr, bind: Bind): Expr {
    return mapChildren(expr, (part) => expanded(part, bind));
  }

  function block(body: readonly Statement[]): readonly Statement[] {
    return body.flatMap((statement) => {
      const before: Statement[] = [];
      // A name would be outside the element that it belongs to.
      const isElement = statement.kind === "tile" || statement.kind === "tile_assign";
      const bind: Bind = (value, name) => {
        if (isElement || value.kind === "var" || value.kind === "const" || value.kind === "builtin")
          return value;
        const fresh = names.numbered(name);
        before.push(declare(fresh, value));
        return build.variable(fresh, value.type);
      };
      const changed = mapExpressions(statement, (expr) => expanded(expr, bind));
      return [...before, mapBlocks(stored(changed), block)];
    });
  }
}

/** bool is stored as i32 0 and 1. */
function stored(statement: Statement): Statement {
  if (statement.kind !== "store" && statement.kind !== "store_array") return statement;
  const { value } = statement;
  return value.type.scalar === "bool" ? { ...statement, value: build.cast(value, i32) } : statement;
}

function expand(expr: Expr, options: FunctionOptions, bind: Bind): Expr {
  switch (expr.kind) {
    case "load":
    case "load_array": {
      if (expr.type.scalar !== "bool") return expr;
      return build.notEqual({ ...expr, type: build.typeOf("i32", expr.type.lanes) }, 0);
    }
    case "binary": {
      const expanded = expandDivision(expr, bind);
      return expr.word === undefined ? expanded : build.called(expr.word, expanded);
    }
    case "call":
      return expandCall(expr, options, bind);
    default:
      return expr;
  }
}

function expandCall(
  expr: Extract<Expr, { kind: "call" }>,
  options: FunctionOptions,
  bind: Bind,
): Expr {
  const [first, second, third] = expr.args;
  invariant(first !== undefined, `legalize: \`${expr.fn}\` has no argument`);
  const expansion = expansions[expr.fn];
  if (expansion !== undefined) {
    return options.helpers ? expr : expansion(bind(first, "argument"), bind);
  }
  if (expr.fn === "inverse_sqrt" && !options.inverseSqrt) {
    return build.divide(1, build.call("sqrt", first));
  }
  if (expr.fn === "fma" && !options.fusedMultiply && second !== undefined && third !== undefined) {
    return build.add(build.multiply(first, second), third);
  }
  const isSingleInteger = expr.type.scalar === "i32" && expr.type.lanes === 1;
  if (options.integerExtremes || !isSingleInteger || expr.fn === "bits_of") return expr;
  const a = bind(first, "left");
  if (expr.fn === "abs") return build.select(build.less(a, 0), build.negate(a), a);
  invariant(second !== undefined, `legalize: \`${expr.fn}\` of one number`);
  const b = bind(second, "right");
  const isLess = build.less(a, b);
  return expr.fn === "min" ? build.select(isLess, a, b) : build.select(isLess, b, a);
}

function expandDivision(expr: Extract<Expr, { kind: "binary" }>, bind: Bind): Expr {
  const { operator, left, right } = expr;
  const isQuotient = operator === "quotient" || operator === "floor_divide";
  const isRemainder = operator === "remainder" || operator === "floor_remainder";
  if (!isQuotient && !isRemainder) return expr;
  const shift = right.kind === "const" ? Math.log2(right.value) : Number.NaN;
  if (right.kind === "const" && Number.isInteger(shift)) {
    return isQuotient ? build.shiftRight(left, shift) : build.bitAnd(left, right.value - 1);
  }
  if (operator === "quotient" || operator === "remainder") return expr;
  // For a < 0 the mirrored -1 - a is not negative, and mirroring its quotient rounds down.
  const a = bind(left, "dividend");
  const mirrored = bind(build.subtract(-1, a), "mirrored");
  const size = bind(build.select(build.less(a, 0), mirrored, a), "dividend_size");
  if (isQuotient) {
    const whole = bind(build.quotient(size, right), "whole");
    return build.select(build.less(a, 0), build.subtract(-1, whole), whole);
  }
  const divisor = bind(right, "divisor");
  const rest = bind(build.remainder(size, divisor), "rest");
  return build.select(build.less(a, 0), build.subtract(build.subtract(divisor, rest), 1), rest);
}
