/**
 * Constructors of kernel expressions: they infer types, turn plain numbers into constants of the
 * other operand's type, spread scalars where the other operand has four lanes, and simplify what is
 * plain to see (constants, neutral elements, quotients of multiples).
 *
 * Simplifications hold for every value: `x * 0` is folded for i32 only, since f32 has infinities.
 */

import { invariant } from "../../grammar/invariant.ts";
import { callMeaning, castMeaning } from "./arithmetic.ts";
import type { BinaryOperator, CallFunction, Expr, KernelType, ScalarType } from "./kernel.ts";
import { bool, f32, f32x4, i32, i32x4 } from "./kernel.ts";
import { printExpr } from "./print.ts";
import { simplifyBinary } from "./simplify.ts";

/** An expression, or a number that takes the type of the operand beside it. */
export type Operand = Expr | number;

export { bool, f32, f32x4, i32, i32x4 } from "./kernel.ts";

/** A text that equal expressions share and no others. */
export function keyOf(expr: Expr): string {
  return printExpr(expr);
}

const types: Readonly<Record<ScalarType, readonly [KernelType, KernelType]>> = {
  f32: [f32, f32x4],
  i32: [i32, i32x4],
  bool: [bool, { scalar: "bool", lanes: 4 }],
};

/** The type of `lanes` values of `scalar`. */
export function typeOf(scalar: ScalarType, lanes: 1 | 4): KernelType {
  return types[scalar][lanes === 1 ? 0 : 1];
}

/** A constant of `type`; with four lanes all of them are `value`. */
export function constant(type: KernelType, value: number): Expr {
  return { kind: "const", type, value: type.scalar === "f32" ? Math.fround(value) : value };
}

/** Zero, or false, of `type`. */
export function zeroOf(type: KernelType): Expr {
  return constant(type, 0);
}

/** The i32 constant `value`. */
export function int(value: number): Expr {
  if ((value | 0) !== value) invariant(false, `int(${value}) is not an i32`);
  return { kind: "const", type: i32, value };
}

/** The f32 constant nearest to `value`, which must be finite. */
export function real(value: number): Expr {
  if (!Number.isFinite(Math.fround(value))) invariant(false, `real(${value}) is not finite`);
  return constant(f32, value);
}

/** The bool constant `value`. */
export function boolean(value: boolean): Expr {
  return { kind: "const", type: bool, value: Number(value) };
}

/** The variable `name`; i32 unless said otherwise. */
export function variable(name: string, type: KernelType = i32): Expr {
  return { kind: "var", type, name };
}

/** The index of the group in the grid. */
export const group: Expr = { kind: "builtin", type: i32, name: "group" };

/** The index of the invocation in its group. */
export const invocation: Expr = { kind: "builtin", type: i32, name: "invocation" };

/** The index of the warp in its group. */
export const warp: Expr = { kind: "builtin", type: i32, name: "warp" };

/** The invocations of a subgroup. */
export const subgroupSize: Expr = { kind: "builtin", type: i32, name: "subgroup_size" };

/** The element of `buffer` at `index`, or four elements from there on if `type` has four lanes. */
export function load(buffer: string, index: Operand, type: KernelType = f32): Expr {
  return { kind: "load", type, buffer, index: integer(index) };
}

/** The element of group array `array` at `index`, or four elements if `type` has four lanes. */
export function loadArray(array: string, index: Operand, type: KernelType = f32): Expr {
  return { kind: "load_array", type, array, index: integer(index) };
}

/** The element of `tile` at the row and column of the tile statement around it. */
export function element(tile: string): Expr {
  return { kind: "element", type: f32, tile };
}

/** An index: numbers become i32 constants. */
export function integer(operand: Operand): Expr {
  return typeof operand === "number" ? int(operand) : operand;
}

/** `operand` with `lanes` lanes: scalars are spread. */
export function withLanes(operand: Expr, lanes: 1 | 4): Expr {
  return operand.type.lanes === lanes ? operand : splat(operand);
}

function matched(left: Operand, right: Operand): readonly [Expr, Expr] {
  if (typeof left === "number") {
    invariant(typeof right !== "number", `cannot tell the type of ${left} and ${right}`);
    return [constant(right.type, left), right];
  }
  if (typeof right === "number") return [left, constant(left.type, right)];
  if (left.type.lanes === right.type.lanes) return [left, right];
  return [withLanes(left, 4), withLanes(right, 4)];
}

const comparisons: ReadonlySet<BinaryOperator> = new Set([
  "equal",
  "not_equal",
  "less",
  "less_equal",
]);

/** `left operator right`, simplified. */
export function binary(operator: BinaryOperator, left: Operand, right: Operand): Expr {
  // Most operands match: no pair is made of them.
  if (typeof left === "object" && typeof right === "object" && left.type.lanes === right.type.lanes)
    return binaryOf(operator, left, right);
  const [a, b] = matched(left, right);
  return binaryOf(operator, a, b);
}

function binaryOf(operator: BinaryOperator, a: Expr, b: Expr): Expr {
  const type = comparisons.has(operator) ? typeOf("bool", a.type.lanes) : a.type;
  return (
    simplifyBinary(operator, type, a, b) ?? { kind: "binary", type, operator, left: a, right: b }
  );
}

/** `expr`, called `word` where it gets a name of its own. */
export function called(word: string, expr: Expr): Expr {
  return expr.kind === "binary" ? { ...expr, word } : expr;
}

/** The sum of two or more operands, from left to right. */
export function add(first: Operand, second: Operand, ...more: readonly Operand[]): Expr {
  return more.reduce((sum: Expr, term) => binary("add", sum, term), binary("add", first, second));
}

/** `left - right`. */
export function subtract(left: Operand, right: Operand): Expr {
  return binary("subtract", left, right);
}

/** The product of two or more operands, from left to right. */
export function multiply(first: Operand, second: Operand, ...more: readonly Operand[]): Expr {
  const start = binary("multiply", first, second);
  return more.reduce((product: Expr, factor) => binary("multiply", product, factor), start);
}

/** `left / right` of f32. */
export function divide(left: Operand, right: Operand): Expr {
  return binary("divide", left, right);
}

/** The whole quotient of i32 that are not negative. */
export function quotient(left: Operand, right: Operand): Expr {
  return binary("quotient", left, right);
}

/** The remainder of `quotient`. */
export function remainder(left: Operand, right: Operand): Expr {
  return binary("remainder", left, right);
}

/** The largest i32 that is not above `left / right`, for a positive `right`. */
export function floorDivide(left: Operand, right: Operand): Expr {
  return binary("floor_divide", left, right);
}

/** The remainder of `floorDivide`, never negative. */
export function floorRemainder(left: Operand, right: Operand): Expr {
  return binary("floor_remainder", left, right);
}

/** Whether both are equal. */
export function equal(left: Operand, right: Operand): Expr {
  return binary("equal", left, right);
}

/** Whether both differ. */
export function notEqual(left: Operand, right: Operand): Expr {
  return binary("not_equal", left, right);
}

/** `left < right`. */
export function less(left: Operand, right: Operand): Expr {
  return binary("less", left, right);
}

/** `left <= right`. */
export function lessEqual(left: Operand, right: Operand): Expr {
  return binary("less_equal", left, right);
}

/** Whether all hold; true for none. */
export function and(...conditions: readonly Expr[]): Expr {
  return conditions.reduce((left, right) => binary("and", left, right), boolean(true));
}

/** Whether at least one holds; false for none. */
export function or(...conditions: readonly Expr[]): Expr {
  return conditions.reduce((left, right) => binary("or", left, right), boolean(false));
}

/** `left << right` of i32. */
export function shiftLeft(left: Operand, right: Operand): Expr {
  return binary("shift_left", left, right);
}

/** `left >> right` of i32; the sign is kept. */
export function shiftRight(left: Operand, right: Operand): Expr {
  return binary("shift_right", left, right);
}

/** The bits set in both. */
export function bitAnd(left: Operand, right: Operand): Expr {
  return binary("bit_and", left, right);
}

/** The bits set in either. */
export function bitOr(left: Operand, right: Operand): Expr {
  return binary("bit_or", left, right);
}

/** `-operand`. */
export function negate(operand: Expr): Expr {
  if (operand.kind === "const") return constant(operand.type, -operand.value);
  if (operand.kind === "unary" && operand.operator === "negate") return operand.operand;
  return { kind: "unary", type: operand.type, operator: "negate", operand };
}

/** Whether `operand` does not hold. */
export function not(operand: Expr): Expr {
  if (operand.kind === "const") return constant(operand.type, 1 - operand.value);
  if (operand.kind === "unary" && operand.operator === "not") return operand.operand;
  return { kind: "unary", type: operand.type, operator: "not", operand };
}

/** `fn` of its arguments; numbers among them take the type of the first expression. */
export function call(fn: CallFunction, ...operands: readonly Operand[]): Expr {
  const model = operands.find((each) => typeof each !== "number");
  invariant(typeof model === "object", `${fn} has no argument that tells its type`);
  const lanes = operands.some((each) => typeof each !== "number" && each.type.lanes === 4) ? 4 : 1;
  const args = operands.map((each) =>
    withLanes(typeof each === "number" ? constant(model.type, each) : each, lanes),
  );
  const scalar = fn === "bits_of" ? "i32" : fn === "from_bits" ? "f32" : model.type.scalar;
  const type = typeOf(scalar, lanes);
  const values = args.flatMap((each) => (each.kind === "const" ? [each.value] : []));
  if (values.length === args.length) {
    const value = callMeaning[fn](...values);
    if (Number.isFinite(value)) return constant(type, value);
  }
  return { kind: "call", type, fn, args };
}

/** The smallest of two or more operands. */
export function minimum(first: Operand, second: Operand, ...more: readonly Operand[]): Expr {
  return more.reduce((least: Expr, each) => call("min", least, each), call("min", first, second));
}

/** The largest of two or more operands. */
export function maximum(first: Operand, second: Operand, ...more: readonly Operand[]): Expr {
  return more.reduce((most: Expr, each) => call("max", most, each), call("max", first, second));
}

/** `then` where `condition` holds, else `otherwise`; both are evaluated. */
export function select(condition: Expr, then: Operand, otherwise: Operand): Expr {
  const [a, b] = matched(then, otherwise);
  if (condition.kind === "const") return condition.value === 0 ? b : a;
  const lanes = condition.type.lanes;
  const [x, y] = lanes === 4 ? [withLanes(a, 4), withLanes(b, 4)] : [a, b];
  return { kind: "select", type: x.type, condition, then: x, otherwise: y };
}

/** `operand` as a value of `to.scalar`: i32 and f32 into each other, bool into either. */
export function cast(operand: Expr, to: KernelType): Expr {
  if (operand.type.scalar === to.scalar) return operand;
  const type = typeOf(to.scalar, operand.type.lanes);
  if (operand.kind !== "const") return { kind: "cast", type, operand };
  return constant(type, castMeaning(operand.type.scalar, to.scalar)(operand.value));
}

/** Four lanes, each `operand`. */
export function splat(operand: Expr): Expr {
  const type = typeOf(operand.type.scalar, 4);
  if (operand.kind === "const") return constant(type, operand.value);
  return { kind: "splat", type, operand };
}

/** Four lanes of one scalar type. */
export function vector(items: readonly [Expr, Expr, Expr, Expr]): Expr {
  const [first, ...others] = items;
  if (others.every((each) => each === first)) return splat(first);
  const same = first.kind === "const" ? first.value : undefined;
  if (items.every((each) => each.kind === "const" && Object.is(each.value, same))) {
    return splat(first);
  }
  return { kind: "vector", type: typeOf(first.type.scalar, 4), items };
}

/** One lane of four. */
export function lane(operand: Expr, index: 0 | 1 | 2 | 3): Expr {
  const type = typeOf(operand.type.scalar, 1);
  if (operand.kind === "const") return constant(type, operand.value);
  if (operand.kind === "splat") return operand.operand;
  if (operand.kind === "vector") return operand.items[index];
  return { kind: "lane", type, operand, index };
}
