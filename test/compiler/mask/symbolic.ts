/** An algebra of closures: expressions whose value no folding can see until they are asked. */

import { type Algebra, numbers } from "../../../compiler/mask/index.ts";

/** An expression of no known value. */
export type Late = () => number;

type Binary = {
  [Name in keyof Algebra<number>]: Algebra<number>[Name] extends (
    left: number,
    right: number,
  ) => number
    ? Name
    : never;
}[keyof Algebra<number>];

const binary =
  (name: Exclude<Binary, "integer" | "truth" | "not">) =>
  (left: Late, right: Late): Late =>
  () =>
    numbers[name](left(), right());

/** Stands for the kernel's expressions; like there, both branches of `select` are evaluated. */
export const late: Algebra<Late> = {
  integer: (value) => () => value,
  truth: (value) => () => Number(value),
  add: binary("add"),
  subtract: binary("subtract"),
  multiply: binary("multiply"),
  floorDivide: binary("floorDivide"),
  remainder: binary("remainder"),
  min: binary("min"),
  max: binary("max"),
  less: binary("less"),
  lessEqual: binary("lessEqual"),
  equal: binary("equal"),
  notEqual: binary("notEqual"),
  and: binary("and"),
  or: binary("or"),
  not: (operand) => () => numbers.not(operand()),
  select: (condition, then, otherwise) => () => numbers.select(condition(), then(), otherwise()),
};
