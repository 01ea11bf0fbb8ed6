/** An algebra of closures: expressions whose value no folding can see until they are asked. */

import { type Algebra, numbers, type TileRanges } from "../../../compiler/mask/index.ts";

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
  integer: (value) => {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no integer of a kernel`);
    return () => value;
  },
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

/** An expression as text, with the strength of its outermost operator. */
export interface Text {
  readonly text: string;
  readonly strength: number;
}

const infix =
  (operator: string, strength: number) =>
  (left: Text, right: Text): Text => {
    const side = (of: Text, least: number): string =>
      of.strength < least ? `(${of.text})` : of.text;
    const text = `${side(left, strength)} ${operator} ${side(right, strength + 1)}`;
    return { text, strength };
  };

const call = (name: string, ...operands: readonly Text[]): Text => {
  return { text: `${name}(${operands.map((each) => each.text).join(", ")})`, strength: 9 };
};

const name = (text: string): Text => ({ text, strength: 9 });

/** Shows what is emitted; operators bind as in C, and `&&` and `||` associate. */
export const textAlgebra: Algebra<Text> = {
  integer: (value) => name(`${value}`),
  truth: (value) => name(`${value}`),
  add: infix("+", 5),
  subtract: infix("-", 5),
  multiply: infix("*", 6),
  floorDivide: infix("/", 6),
  remainder: infix("%", 6),
  min: (left, right) => call("min", left, right),
  max: (left, right) => call("max", left, right),
  less: infix("<", 4),
  lessEqual: infix("<=", 4),
  equal: infix("==", 3),
  notEqual: infix("!=", 3),
  and: infix("&&", 2),
  or: infix("||", 1),
  not: (operand) => call("not", operand),
  select: (condition, then, otherwise) => call("select", condition, then, otherwise),
};

/** A tile of queries `q0` to `q1` and keys `k0` to `k1`; all data is from `d0` to `d1`. */
export const textRanges: TileRanges<Text> = {
  q: { low: name("q0"), high: name("q1") },
  k: { low: name("k0"), high: name("k1") },
  data: () => ({ low: name("d0"), high: name("d1") }),
};
