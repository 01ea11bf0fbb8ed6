/** The element types that elementwise functions take and give. Conversions are always written out. */

import { invariant } from "../../grammar/invariant.ts";
import type { MapFunction } from "../op/op.ts";
import type { Element } from "../op/type.ts";

type Rule =
  /** Takes floats, gives a float. */
  | "float"
  /** Takes ints, gives an int. */
  | "int"
  /** Takes floats or ints (all the same), gives the same. */
  | "number"
  /** Takes two of any one element type, gives a bool. */
  | "equality"
  /** Takes two floats or two ints, gives a bool. */
  | "order"
  /** Takes bools, gives a bool. */
  | "bool"
  /** Takes anything, gives a float. */
  | "toFloat"
  /** Takes anything, gives an int. */
  | "toInt"
  | "where";

const rules: Readonly<Record<MapFunction, { readonly arity: 1 | 2 | 3; readonly rule: Rule }>> = {
  negate: { arity: 1, rule: "number" },
  not: { arity: 1, rule: "bool" },
  abs: { arity: 1, rule: "number" },
  exp: { arity: 1, rule: "float" },
  log: { arity: 1, rule: "float" },
  sqrt: { arity: 1, rule: "float" },
  rsqrt: { arity: 1, rule: "float" },
  tanh: { arity: 1, rule: "float" },
  sigmoid: { arity: 1, rule: "float" },
  silu: { arity: 1, rule: "float" },
  gelu: { arity: 1, rule: "float" },
  gelu_tanh: { arity: 1, rule: "float" },
  quick_gelu: { arity: 1, rule: "float" },
  erf: { arity: 1, rule: "float" },
  relu: { arity: 1, rule: "number" },
  sin: { arity: 1, rule: "float" },
  cos: { arity: 1, rule: "float" },
  acos: { arity: 1, rule: "float" },
  floor: { arity: 1, rule: "float" },
  ceil: { arity: 1, rule: "float" },
  round: { arity: 1, rule: "float" },
  float: { arity: 1, rule: "toFloat" },
  int: { arity: 1, rule: "toInt" },
  add: { arity: 2, rule: "number" },
  subtract: { arity: 2, rule: "number" },
  multiply: { arity: 2, rule: "number" },
  divide: { arity: 2, rule: "float" },
  floor_divide: { arity: 2, rule: "int" },
  remainder: { arity: 2, rule: "int" },
  min: { arity: 2, rule: "number" },
  max: { arity: 2, rule: "number" },
  equal: { arity: 2, rule: "equality" },
  not_equal: { arity: 2, rule: "equality" },
  less: { arity: 2, rule: "order" },
  less_equal: { arity: 2, rule: "order" },
  and: { arity: 2, rule: "bool" },
  or: { arity: 2, rule: "bool" },
  where: { arity: 3, rule: "where" },
};

/** The element that `fn` gives for operands of these elements; throws if it does not take them. */
export function mapElement(fn: MapFunction, args: readonly Element[]): Element {
  const { arity, rule } = rules[fn];
  const shown = `\`${fn}\` of ${args.join(", ")}`;
  invariant(args.length === arity, `${shown}: it takes ${arity} operands`);
  const [first, second, third] = args;
  invariant(first !== undefined, shown);
  if (rule === "where") {
    invariant(first === "bool" && second !== undefined && second === third, shown);
    return second;
  }
  invariant(
    args.every((arg) => arg === first),
    `${shown}: the operands differ`,
  );
  invariant(takesElement(rule, first), shown);
  return gives(rule, first);
}

function takesElement(rule: Exclude<Rule, "where">, element: Element): boolean {
  if (rule === "number" || rule === "order") return element !== "bool";
  if (rule === "equality" || rule === "toFloat" || rule === "toInt") return true;
  return element === rule;
}

function gives(rule: Exclude<Rule, "where">, element: Element): Element {
  if (rule === "number") return element;
  if (rule === "equality" || rule === "order") return "bool";
  if (rule === "toFloat") return "float";
  return rule === "toInt" ? "int" : rule;
}
