/**
 * The typing rules of kernel expressions: what is wrong with one expression, given that its parts
 * are right. Types match exactly, lanes included; only the condition of a `select` may be one bool
 * for four lanes.
 */

import { unreachable } from "../../grammar/invariant.ts";
import { binaryMeaning } from "./arithmetic.ts";
import type { CallFunction, Expr, KernelType, ScalarType } from "./kernel.ts";
import { printType } from "./print.ts";

/** Whether both are the same type. */
export function sameType(left: KernelType, right: KernelType): boolean {
  return left.scalar === right.scalar && left.lanes === right.lanes;
}

interface Signature {
  readonly args: readonly ScalarType[];
  readonly result: ScalarType;
}

const unaryFloat: Signature = { args: ["f32"], result: "f32" };
const binaryFloat: Signature = { args: ["f32", "f32"], result: "f32" };

/** What each function takes and gives; `abs`, `min` and `max` are of i32, too. */
const signatures: Readonly<Record<CallFunction, Signature>> = {
  abs: unaryFloat,
  min: binaryFloat,
  max: binaryFloat,
  floor: unaryFloat,
  ceil: unaryFloat,
  round_even: unaryFloat,
  sqrt: unaryFloat,
  inverse_sqrt: unaryFloat,
  exp: unaryFloat,
  exp2: unaryFloat,
  exp2_negative: unaryFloat,
  exp2_approximate: unaryFloat,
  log: unaryFloat,
  tanh: unaryFloat,
  sin: unaryFloat,
  cos: unaryFloat,
  acos: unaryFloat,
  erf: unaryFloat,
  fma: { args: ["f32", "f32", "f32"], result: "f32" },
  bits_of: { args: ["f32"], result: "i32" },
  from_bits: { args: ["i32"], result: "f32" },
};

const ofIntegersToo: ReadonlySet<CallFunction> = new Set(["abs", "min", "max"]);
const comparisons: ReadonlySet<string> = new Set(["equal", "not_equal", "less", "less_equal"]);

/** Says what is wrong with the type of `expr`, or nothing. Names are looked up elsewhere. */
export function typeError(expr: Expr): string | undefined {
  switch (expr.kind) {
    case "const":
      return constantError(expr.type, expr.value);
    case "var":
      return undefined;
    case "builtin":
      return wants(expr.type, "i32", 1);
    case "element":
      return wants(expr.type, "f32", 1);
    case "load":
    case "load_array":
      return wants(expr.index.type, "i32", 1);
    case "unary":
      return unaryError(expr);
    case "binary":
      return binaryError(expr);
    case "call":
      return callError(expr);
    case "select":
      return selectError(expr);
    case "cast":
      return castError(expr.operand.type, expr.type);
    case "splat":
      return wants(expr.type, expr.operand.type.scalar, 4) ?? lanesError(expr.operand.type, 1);
    case "vector": {
      const wrong = expr.items.find((item) => item.type.lanes !== 1);
      if (wrong !== undefined) return lanesError(wrong.type, 1);
      const other = expr.items.find((item) => item.type.scalar !== expr.type.scalar);
      return other === undefined
        ? lanesError(expr.type, 4)
        : wants(other.type, expr.type.scalar, 1);
    }
    case "lane":
      return lanesError(expr.operand.type, 4) ?? wants(expr.type, expr.operand.type.scalar, 1);
    default:
      return unreachable(expr);
  }
}

/** Says that `type` is not `lanes` of `scalar`, if so. */
export function wants(type: KernelType, scalar: ScalarType, lanes: 1 | 4): string | undefined {
  if (type.scalar === scalar && type.lanes === lanes) return undefined;
  return `needs ${printType({ scalar, lanes })} and has ${printType(type)}`;
}

function lanesError(type: KernelType, lanes: 1 | 4): string | undefined {
  return wants(type, type.scalar, lanes);
}

function matches(type: KernelType, other: KernelType): string | undefined {
  return wants(type, other.scalar, other.lanes);
}

function constantError(type: KernelType, value: number): string | undefined {
  if (!Number.isFinite(value)) return "a constant is finite";
  if (type.scalar === "f32" && Math.fround(value) !== value) return "a constant is rounded to f32";
  if (type.scalar === "i32" && (value | 0) !== value) return "a constant is a whole number of i32";
  const isBit = value === 0 || value === 1;
  return type.scalar === "bool" && !isBit ? "a bool constant is 0 or 1" : undefined;
}

function unaryError(expr: Extract<Expr, { kind: "unary" }>): string | undefined {
  const { scalar } = expr.operand.type;
  if (expr.operator === "not" && scalar !== "bool") return "`not` is of bool";
  if (expr.operator === "negate" && scalar === "bool") return "`negate` is of numbers";
  return matches(expr.type, expr.operand.type);
}

function binaryError(expr: Extract<Expr, { kind: "binary" }>): string | undefined {
  const { scalar, lanes } = expr.left.type;
  if (binaryMeaning(expr.operator, scalar) === undefined) {
    return `there is no ${expr.operator} of ${scalar}`;
  }
  const result = comparisons.has(expr.operator) ? "bool" : scalar;
  return matches(expr.right.type, expr.left.type) ?? wants(expr.type, result, lanes);
}

function callError(expr: Extract<Expr, { kind: "call" }>): string | undefined {
  const signature = signatures[expr.fn];
  const { lanes } = expr.type;
  if (expr.args.length !== signature.args.length) {
    return `${expr.fn} takes ${signature.args.length} arguments and has ${expr.args.length}`;
  }
  const whole = ofIntegersToo.has(expr.fn) && expr.type.scalar === "i32";
  for (const [at, arg] of expr.args.entries()) {
    const wrong = wants(arg.type, whole ? "i32" : (signature.args[at] ?? "f32"), lanes);
    if (wrong !== undefined) return wrong;
  }
  return wants(expr.type, whole ? "i32" : signature.result, lanes);
}

function selectError(expr: Extract<Expr, { kind: "select" }>): string | undefined {
  const { lanes } = expr.condition.type;
  if (lanes === 4 && expr.type.lanes === 1) return "a condition of four lanes selects four lanes";
  return (
    wants(expr.condition.type, "bool", lanes) ??
    matches(expr.then.type, expr.type) ??
    matches(expr.otherwise.type, expr.type)
  );
}

function castError(from: KernelType, to: KernelType): string | undefined {
  if (from.scalar === to.scalar) return `a cast from ${from.scalar} to itself`;
  if (to.scalar === "bool") return "there is no cast to bool; compare with zero";
  return lanesError(to, from.lanes);
}
