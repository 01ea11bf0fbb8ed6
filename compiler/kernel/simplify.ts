/**
 * Local simplification of one binary operation whose operands are simplified already.
 *
 * Constants of commutative operators stand on the right and `x - c` of i32 is written `x + -c`, so
 * that equal sums look equal and later constants meet earlier ones. Sound for every value of the
 * operands, except that index arithmetic is taken not to overflow.
 */

import { binaryMeaning } from "./arithmetic.ts";
import { boundsOf } from "./bounds.ts";
import type { BinaryOperator, Expr, KernelType } from "./kernel.ts";

type Binary = Extract<Expr, { kind: "binary" }>;
type Constant = Extract<Expr, { kind: "const" }>;

/** What `left operator right` of `type` equals more simply, or nothing. */
export function simplifyBinary(
  operator: BinaryOperator,
  type: KernelType,
  left: Expr,
  right: Expr,
): Expr | undefined {
  if (left.kind === "const" && right.kind === "const") return fold(operator, type, left, right);
  if (type.scalar === "bool") return simplifyLogic(operator, left, right);
  if (right.kind === "const") {
    if (type.scalar === "i32") return withConstant(operator, type, left, right);
    return neutral(operator, left, right.value);
  }
  if (left.kind === "const") return constantFirst(operator, type, left, right);
  return operator === "add" && type.scalar === "i32" ? constantLast(type, left, right) : undefined;
}

/** `(x + c) + (y + d)` as `(x + y) + (c + d)`, so that constant offsets of an index come last. */
function constantLast(type: KernelType, left: Expr, right: Expr): Expr | undefined {
  const first = parts(left, "add");
  const second = parts(right, "add");
  if (first === undefined && second === undefined) return undefined;
  const [x, c] = first ?? [left, 0];
  const [y, d] = second ?? [right, 0];
  return make("add", { kind: "binary", type, operator: "add", left: x, right: y }, (c + d) | 0);
}

function fold(
  operator: BinaryOperator,
  type: KernelType,
  left: Constant,
  right: Constant,
): Expr | undefined {
  const value = binaryMeaning(operator, left.type.scalar)?.(left.value, right.value);
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return { kind: "const", type, value };
}

function simplifyLogic(operator: BinaryOperator, left: Expr, right: Expr): Expr | undefined {
  if (operator !== "and" && operator !== "or") return undefined;
  const ends = operator === "and" ? 0 : 1;
  if (left.kind === "const") return left.value === ends ? left : right;
  if (right.kind === "const") return right.value === ends ? right : left;
  return undefined;
}

/** `x + 0`, `x - 0`, `x * 1`, `x / 1`: `x`. */
function neutral(operator: BinaryOperator, left: Expr, value: number): Expr | undefined {
  const isSum = operator === "add" || operator === "subtract";
  const isShift = operator === "shift_left" || operator === "shift_right";
  if (value === 0 && (isSum || isShift)) return left;
  const isProduct = operator === "multiply" || operator === "divide";
  if (value === 1 && (isProduct || operator === "quotient")) return left;
  return undefined;
}

function constantFirst(
  operator: BinaryOperator,
  type: KernelType,
  left: Constant,
  right: Expr,
): Expr | undefined {
  if (operator === "add" || operator === "multiply") {
    const swapped = simplifyBinary(operator, type, right, left);
    if (swapped !== undefined) return swapped;
    return { kind: "binary", type, operator, left: right, right: left };
  }
  const isWhole = operator === "quotient" || operator === "remainder";
  return left.value === 0 && isWhole ? left : undefined;
}

function make(operator: BinaryOperator, left: Expr, value: number): Expr {
  const type = left.type;
  const right: Constant = { kind: "const", type, value };
  const simple = withConstant(operator, type, left, right);
  return simple ?? { kind: "binary", type, operator, left, right };
}

/** If `expr` is `x operator c`: `[x, c]`. */
function parts(expr: Expr, operator: BinaryOperator): readonly [Expr, number] | undefined {
  if (expr.kind !== "binary" || expr.operator !== operator) return undefined;
  return expr.right.kind === "const" ? [expr.left, expr.right.value] : undefined;
}

function withConstant(
  operator: BinaryOperator,
  type: KernelType,
  left: Expr,
  right: Constant,
): Expr | undefined {
  const value = right.value;
  const plain = neutral(operator, left, value);
  if (plain !== undefined) return plain;
  switch (operator) {
    case "subtract":
      return make("add", left, -value);
    case "add": {
      const inner = parts(left, "add");
      return inner === undefined ? undefined : make("add", inner[0], (inner[1] + value) | 0);
    }
    case "multiply":
      return multiplied(type, left, value);
    case "quotient":
      return divided(left, value);
    case "remainder":
      return reduced(left, value);
    default:
      return undefined;
  }
}

function multiplied(type: KernelType, left: Expr, value: number): Expr | undefined {
  if (value === 0) return { kind: "const", type, value: 0 };
  const product = parts(left, "multiply");
  if (product !== undefined) return make("multiply", product[0], Math.imul(product[1], value));
  const sum = parts(left, "add");
  if (sum === undefined) return undefined;
  return make("add", make("multiply", sum[0], value), Math.imul(sum[1], value));
}

/** Splits a sum into the side whose value is a multiple of `value` and the other side. */
function multipleOf(expr: Binary, value: number): readonly [Expr, Expr] | undefined {
  if (expr.operator !== "add") return undefined;
  if (isMultiple(expr.left, value)) return [expr.left, expr.right];
  return isMultiple(expr.right, value) ? [expr.right, expr.left] : undefined;
}

function isMultiple(expr: Expr, value: number): boolean {
  if (expr.kind === "const") return expr.value % value === 0;
  const product = parts(expr, "multiply");
  if (product !== undefined) return product[1] % value === 0;
  if (expr.kind !== "binary" || expr.operator !== "add") return false;
  return isMultiple(expr.left, value) && isMultiple(expr.right, value);
}

/** `expr / value` for an expression that `isMultiple`. */
function exactly(expr: Expr, value: number): Expr {
  if (expr.kind === "const") return { ...expr, value: expr.value / value };
  if (expr.kind === "binary" && expr.operator === "add") {
    const [left, right] = [exactly(expr.left, value), exactly(expr.right, value)];
    if (right.kind === "const") return make("add", left, right.value);
    return { ...expr, left, right };
  }
  const product = parts(expr, "multiply");
  return product === undefined ? expr : make("multiply", product[0], product[1] / value);
}

function divided(left: Expr, value: number): Expr | undefined {
  const bounds = boundsOf(left);
  if (bounds.low >= 0 && bounds.high < value) return { kind: "const", type: left.type, value: 0 };
  if (isMultiple(left, value)) return exactly(left, value);
  const inner = parts(left, "quotient");
  if (inner !== undefined) return make("quotient", inner[0], inner[1] * value);
  const split = left.kind === "binary" ? multipleOf(left, value) : undefined;
  if (split === undefined) return undefined;
  const [whole, rest] = split;
  const { low, high } = boundsOf(rest);
  // Beside a multiple of `value`, what lies in [0, value) does not count.
  return low >= 0 && high < value ? exactly(whole, value) : undefined;
}

function reduced(left: Expr, value: number): Expr | undefined {
  if (value === 1 || isMultiple(left, value)) return { kind: "const", type: left.type, value: 0 };
  const bounds = boundsOf(left);
  if (bounds.low >= 0 && bounds.high < value) return left;
  const split = left.kind === "binary" ? multipleOf(left, value) : undefined;
  if (split === undefined || boundsOf(split[1]).low < 0) return undefined;
  return make("remainder", split[1], value);
}
