/**
 * Run-time sizes as numbers: the arithmetic of `Size` once its symbols have values.
 *
 * Every size of a plan is a whole number that is not negative; anything else is a mistake of the
 * compiler, not of the user, who has been told about wrong shapes before sizes are computed.
 */

import type { Size } from "./contract.ts";
import { invariant, unreachable } from "./errors.ts";

/** What each symbol stands for in one call of a phase. */
export type SymbolValues = ReadonlyMap<string, number>;

/** The number that `size` is for these values. Every symbol in it must have one. */
export function evaluateSize(size: Size, values: SymbolValues): number {
  if (typeof size === "number") return size;
  if (typeof size === "string") {
    const value = values.get(size);
    if (value === undefined) invariant(false, `the size symbol ${size} has no value here`);
    return value;
  }
  const [operator, first, second] = size;
  const result = combine(operator, evaluateSize(first, values), evaluateSize(second, values));
  // The message is only made where it is needed: sizes are computed for every token.
  if (!Number.isSafeInteger(result)) invariant(false, `the size ${showSize(size)} is ${result}`);
  return result;
}

/** The symbols that `size` depends on. */
export function symbolsOf(size: Size): ReadonlySet<string> {
  if (typeof size === "number") return new Set();
  if (typeof size === "string") return new Set([size]);
  return new Set([...symbolsOf(size[1]), ...symbolsOf(size[2])]);
}

/** `size` as a person writes it: `Image * 576`, `max(T, 1)`. */
export function showSize(size: Size): string {
  if (typeof size === "number" || typeof size === "string") return `${size}`;
  const [operator, first, second] = size;
  switch (operator) {
    case "+":
    case "*":
      return `${parenthesised(first)} ${operator} ${parenthesised(second)}`;
    case "floor/":
      return `floor(${showSize(first)} / ${parenthesised(second)})`;
    case "ceil/":
      return `ceil(${showSize(first)} / ${parenthesised(second)})`;
    case "max":
    case "min":
      return `${operator}(${showSize(first)}, ${showSize(second)})`;
    default:
      return unreachable(operator);
  }
}

function combine(operator: Exclude<Size, number | string>[0], a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "*":
      return a * b;
    case "floor/":
      return Math.floor(a / b);
    case "ceil/":
      return Math.ceil(a / b);
    case "max":
      return Math.max(a, b);
    case "min":
      return Math.min(a, b);
    default:
      return unreachable(operator);
  }
}

function parenthesised(size: Size): string {
  const infix = typeof size === "object" && (size[0] === "+" || size[0] === "*");
  return infix ? `(${showSize(size)})` : showSize(size);
}
