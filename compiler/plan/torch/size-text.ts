/** Sizes as C++ and as Python write them; both are whole-number arithmetic. */

import type { Size } from "../../../runtime/contract.ts";
import type { Dimension } from "../../op/dimension.ts";
import { sizeOf } from "../size.ts";
import { identifier } from "./identifiers.ts";

/** `size` in C++, as an `int64_t`. */
export function cppSize(size: Size): string {
  return sizeText(size, {
    "floor/": (a, b) => `${a} / ${b}`,
    "ceil/": (a, b) => `ceil_div(${a}, ${b})`,
    max: (a, b) => `std::max<int64_t>(${a}, ${b})`,
    min: (a, b) => `std::min<int64_t>(${a}, ${b})`,
  });
}

/** `size` in Python. */
export function pythonSize(size: Size): string {
  return sizeText(size, {
    "floor/": (a, b) => `${a} // ${b}`,
    "ceil/": (a, b) => `-(-${a} // ${b})`,
    max: (a, b) => `max(${a}, ${b})`,
    min: (a, b) => `min(${a}, ${b})`,
  });
}

/** A size of the graph in Python. */
export function pythonDimension(size: Dimension): string {
  return pythonSize(sizeOf(size));
}

type Operator = "floor/" | "ceil/" | "max" | "min";
type Words = Readonly<Record<Operator, (a: string, b: string) => string>>;

function sizeText(size: Size, words: Words): string {
  if (typeof size === "number") return `${size}`;
  if (typeof size === "string") return identifier(size);
  const [operator, left, right] = size;
  const [a, b] = [sizeText(left, words), sizeText(right, words)];
  if (operator === "+") return `${a} + ${b}`;
  const [inner, other] = [inParentheses(a), inParentheses(b)];
  return operator === "*" ? `${inner} * ${other}` : words[operator](inner, other);
}

/** What is more than a name, a number or a call in parentheses. */
function inParentheses(text: string): string {
  return /^[\w.]+(\([^()]*\))?$/.test(text) ? text : `(${text})`;
}
