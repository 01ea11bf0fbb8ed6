/**
 * Fresh names for what passes declare: what a lowering calls a value (`build.called`), else what a short
 * one is (`rows_minus_1`), else its kind and a number.
 */

import type { BinaryOperator, Expr, Kernel } from "../kernel.ts";
import { declaredBy, visitBody } from "../rewrite.ts";

/** The names of one kernel; hands out new ones that no two declarations share. */
export class Names {
  private readonly used = new Set<string>();

  constructor(kernel: Kernel) {
    for (const { name } of [...kernel.buffers, ...kernel.arrays]) this.used.add(name);
    for (const name of [kernel.name, ...kernel.scalars]) this.used.add(name);
    visitBody(kernel.body, (statement) => {
      for (const name of declaredBy(statement)) this.used.add(name);
    });
  }

  /** `wanted` itself if it is free, else with the first number that makes it so. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.used.has(name); count++) name = `${wanted}_${count}`;
    this.used.add(name);
    return name;
  }

  /** The first free of `wanted_0`, `wanted_1`, …. */
  numbered(wanted: string): string {
    let count = this.counts.get(wanted) ?? 0;
    while (this.used.has(`${wanted}_${count}`)) count++;
    this.counts.set(wanted, count + 1);
    this.used.add(`${wanted}_${count}`);
    return `${wanted}_${count}`;
  }

  private readonly counts = new Map<string, number>();
}

/** Characters of a name that says how a value is computed. */
const longest = 24;

/** A name that says what the value is; undefined if there is no short one. */
export function wordOf(expr: Expr): string | undefined {
  if (expr.kind !== "binary") return undefined;
  if (expr.word !== undefined) return expr.word;
  const word = expr.type.scalar === "i32" ? spoken(expr) : undefined;
  return word !== undefined && word.length <= longest ? word : undefined;
}

/** What kind of value it is: the memory that it is read from, or its type. */
export function kindOf(expr: Expr): string {
  if (expr.kind === "load") return expr.buffer;
  if (expr.kind === "load_array") return expr.array;
  if (expr.type.scalar === "i32") return "index";
  return expr.type.scalar === "bool" ? "condition" : "value";
}

const sums: ReadonlySet<BinaryOperator> = new Set(["add", "subtract"]);

/** `first + warp * 16` in words; only what is read so without parentheses. */
function spoken(expr: Expr): string | undefined {
  if (expr.kind === "var") return /^index_\d+$/.test(expr.name) ? undefined : expr.name;
  if (expr.kind === "builtin") return expr.name;
  if (expr.kind === "const") return String(Math.abs(expr.value));
  if (expr.kind !== "binary") return undefined;
  const { operator, left, right } = expr;
  const factor = (part: Expr): string | undefined =>
    part.kind === "binary" ? undefined : spoken(part);
  const isSum = sums.has(operator);
  const first = isSum ? spoken(left) : factor(left);
  const second = isSum && right.kind === "binary" && !sums.has(right.operator);
  const rest = second ? spoken(right) : factor(right);
  const joint = jointOf(operator, right);
  if (joint === undefined || first === undefined || rest === undefined) return undefined;
  return /^\d/.test(first) ? undefined : `${first}_${joint.word}_${joint.operand ?? rest}`;
}

/** How the operator is read; shifts and masks by constants are quotients and remainders. */
function jointOf(
  operator: BinaryOperator,
  right: Expr,
): { readonly word: string; readonly operand?: string } | undefined {
  const constant = right.kind === "const" ? right.value : undefined;
  if (constant !== undefined && constant < 0) {
    return operator === "add" ? { word: "minus" } : undefined;
  }
  switch (operator) {
    case "add":
      return { word: "plus" };
    case "subtract":
      return { word: "minus" };
    case "multiply":
      return { word: "times" };
    case "quotient":
      return { word: "over" };
    case "remainder":
      return { word: "modulo" };
    case "shift_right":
      return constant === undefined ? undefined : { word: "over", operand: `${2 ** constant}` };
    case "bit_and": {
      const isMask = constant !== undefined && Number.isInteger(Math.log2(constant + 1));
      return isMask ? { word: "modulo", operand: `${constant + 1}` } : undefined;
    }
    default:
      return undefined;
  }
}
