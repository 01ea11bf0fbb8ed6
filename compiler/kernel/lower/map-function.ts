/** The elementwise functions of the graph as kernel expressions, one rule each. */

import type { MapFunction } from "../../op/op.ts";
import type { Element } from "../../op/type.ts";
import * as build from "../build.ts";
import type { Expr } from "../kernel.ts";

type Rule = (args: readonly Expr[], elements: readonly Element[]) => Expr;

const one = build.real(1);
const half = build.real(0.5);

/** False before true: kernels compare numbers only. */
export function ordered(value: Expr): Expr {
  return value.type.scalar === "bool" ? build.cast(value, build.i32) : value;
}

/** Applies `fn` to operands of the given element types. */
export function mapExpression(
  fn: MapFunction,
  args: readonly Expr[],
  elements: readonly Element[],
): Expr {
  return rules[fn](args, elements);
}

function unary(rule: (x: Expr, element: Element) => Expr): Rule {
  return ([x], [element]) => {
    if (x === undefined || element === undefined) throw new RangeError("an operand is missing");
    return rule(x, element);
  };
}

function binary(rule: (a: Expr, b: Expr, element: Element) => Expr): Rule {
  return ([a, b], [element]) => {
    if (a === undefined || b === undefined || element === undefined) {
      throw new RangeError("an operand is missing");
    }
    return rule(a, b, element);
  };
}

function sigmoid(x: Expr): Expr {
  return build.divide(one, build.add(one, build.call("exp", build.negate(x))));
}

/** Floor division by any divisor: by 0 it is 0, and `a / -b` is `-a / b`. */
function wholeQuotient(a: Expr, b: Expr): Expr {
  if (b.kind === "const" && b.value > 0) return build.floorDivide(a, b);
  const signed = build.select(build.less(b, 0), build.negate(a), a);
  const divisor = build.maximum(build.call("abs", b), 1);
  return build.select(build.equal(b, 0), 0, build.floorDivide(signed, divisor));
}

function wholeRemainder(a: Expr, b: Expr): Expr {
  if (b.kind === "const" && b.value > 0) return build.floorRemainder(a, b);
  const rest = build.subtract(a, build.multiply(b, wholeQuotient(a, b)));
  return build.select(build.equal(b, 0), 0, rest);
}

function called(name: Parameters<typeof build.call>[0]): Rule {
  return unary((x) => build.call(name, x));
}

const rules: Readonly<Record<MapFunction, Rule>> = {
  negate: unary((x) => build.negate(x)),
  not: unary((x) => build.not(x)),
  abs: called("abs"),
  exp: called("exp"),
  log: called("log"),
  sqrt: called("sqrt"),
  rsqrt: called("inverse_sqrt"),
  tanh: called("tanh"),
  sin: called("sin"),
  cos: called("cos"),
  acos: called("acos"),
  erf: called("erf"),
  floor: called("floor"),
  ceil: called("ceil"),
  round: called("round_even"),
  sigmoid: unary(sigmoid),
  silu: unary((x) => build.multiply(x, sigmoid(x))),
  quick_gelu: unary((x) => build.multiply(x, sigmoid(build.multiply(build.real(1.702), x)))),
  gelu: unary((x) => {
    const tail = build.call("erf", build.multiply(x, build.real(Math.SQRT1_2)));
    return build.multiply(build.multiply(half, x), build.add(one, tail));
  }),
  gelu_tanh: unary((x) => {
    const cube = build.multiply(build.multiply(x, x), x);
    const inner = build.add(x, build.multiply(build.real(0.044715), cube));
    const tail = build.call("tanh", build.multiply(build.real(Math.sqrt(2 / Math.PI)), inner));
    return build.multiply(build.multiply(half, x), build.add(one, tail));
  }),
  relu: unary((x) => build.maximum(x, build.zeroOf(x.type))),
  float: unary((x) => build.cast(x, build.f32)),
  int: unary((x) => build.cast(x, build.i32)),
  add: binary((a, b) => build.add(a, b)),
  subtract: binary((a, b) => build.subtract(a, b)),
  multiply: binary((a, b) => build.multiply(a, b)),
  divide: binary((a, b) => build.divide(a, b)),
  floor_divide: binary((a, b, element) =>
    element === "int" ? wholeQuotient(a, b) : build.call("floor", build.divide(a, b)),
  ),
  remainder: binary((a, b, element) =>
    element === "int"
      ? wholeRemainder(a, b)
      : build.subtract(a, build.multiply(b, build.call("floor", build.divide(a, b)))),
  ),
  min: binary((a, b) => build.minimum(a, b)),
  max: binary((a, b) => build.maximum(a, b)),
  equal: binary((a, b) => build.equal(ordered(a), ordered(b))),
  not_equal: binary((a, b) => build.notEqual(ordered(a), ordered(b))),
  less: binary((a, b) => build.less(ordered(a), ordered(b))),
  less_equal: binary((a, b) => build.lessEqual(ordered(a), ordered(b))),
  and: binary((a, b) => build.and(a, b)),
  or: binary((a, b) => build.or(a, b)),
  where: ([condition, then, otherwise]) => {
    if (condition === undefined || then === undefined || otherwise === undefined) {
      throw new RangeError("`where` needs three operands");
    }
    return build.select(condition, then, otherwise);
  },
};
