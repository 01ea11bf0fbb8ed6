/**
 * Folding on top of an algebra: known operands are computed and neutral ones dropped while an
 * expression is built, so that what is emitted is as short as what a person would write.
 */

import { type Algebra, numbers } from "./algebra.ts";

/** An expression whose value may be known; a truth value is known as 1 or 0. */
export type Folded<E> =
  | { readonly kind: "known"; readonly value: number }
  | {
      readonly kind: "expression";
      readonly value: E;
      /** The negation of a truth value, where it is shorter than a `not`. */
      readonly opposite?: () => Folded<E>;
      /** What was subtracted: `a - b <= 0` is written `a <= b`, and `0 - (0 - b)` is `b`. */
      readonly difference?: Operands<E>;
    };

/** The number `value`; a truth value is 1 or 0. */
export function known<E>(value: number): Folded<E> {
  return { kind: "known", value: value + 0 };
}

/** `value`, about which nothing is known. */
export function unknown<E>(value: E): Folded<E> {
  return { kind: "expression", value };
}

/** Whether `folded` is known to be `value`. */
export function isKnown<E>(folded: Folded<E>, value: number): boolean {
  return folded.kind === "known" && folded.value === value;
}

/** `folded` as an integer of `base`. */
export function integerOf<E>(folded: Folded<E>, base: Algebra<E>): E {
  return folded.kind === "known" ? base.integer(folded.value) : folded.value;
}

/** `folded` as a truth value of `base`. */
export function truthOf<E>(folded: Folded<E>, base: Algebra<E>): E {
  return folded.kind === "known" ? base.truth(folded.value === 1) : folded.value;
}

type Operands<E> = readonly [left: Folded<E>, right: Folded<E>];

/** The algebra of folded expressions over `base`. */
export function folding<E>(base: Algebra<E>): Algebra<Folded<E>> {
  return {
    integer: known,
    truth: (value) => known(Number(value)),
    ...arithmetic(base),
    ...comparisons(base),
    ...connectives(base),
  };
}

type Arithmetic =
  | "add"
  | "subtract"
  | "multiply"
  | "floorDivide"
  | "remainder"
  | "min"
  | "max"
  | "select";

function arithmetic<E>(base: Algebra<E>): Pick<Algebra<Folded<E>>, Arithmetic> {
  const build = (
    operator: Exclude<Arithmetic, "select">,
    operands: Operands<E>,
    short?: Folded<E>,
  ): Folded<E> => {
    const [left, right] = operands;
    if (left.kind === "known" && right.kind === "known")
      return known(numbers[operator](left.value, right.value));
    return short ?? unknown(base[operator](integerOf(left, base), integerOf(right, base)));
  };
  const subtract = (left: Folded<E>, right: Folded<E>): Folded<E> => {
    if (left === right) return known(0);
    if (right.kind === "known") {
      const inner = differenceOf(left);
      if (right.value < 0) return add(left, known(-right.value));
      if (right.value === 0) return left;
      if (inner?.[1].kind === "known")
        return subtract(inner[0], known(inner[1].value + right.value));
    }
    const inner = differenceOf(right);
    if (inner !== undefined && isKnown(inner[0], 0)) return add(left, inner[1]);
    if (inner !== undefined && isKnown(left, 0)) return subtract(inner[1], inner[0]);
    const built = build("subtract", [left, right]);
    return built.kind === "known" ? built : { ...built, difference: [left, right] };
  };
  const add = (left: Folded<E>, right: Folded<E>): Folded<E> => {
    if (left.kind === "known" && right.kind !== "known") return add(right, left);
    const [inner, other] = [differenceOf(left), differenceOf(right)];
    if (right.kind === "known") {
      if (right.value < 0) return subtract(left, known(-right.value));
      if (right.value === 0) return left;
      if (inner?.[1].kind === "known")
        return subtract(inner[0], known(inner[1].value - right.value));
    }
    if (inner !== undefined && isKnown(inner[0], 0)) return subtract(right, inner[1]);
    if (other !== undefined && isKnown(other[0], 0)) return subtract(left, other[1]);
    return build("add", [left, right]);
  };
  const multiply = (left: Folded<E>, right: Folded<E>): Folded<E> => {
    if (isKnown(left, 1)) return right;
    if (isKnown(left, -1)) return subtract(known(0), right);
    if (isKnown(left, 0) || isKnown(right, 0)) return known(0);
    return build("multiply", [left, right], isKnown(right, 1) ? left : undefined);
  };
  return {
    add,
    subtract,
    multiply,
    floorDivide: (left, right) =>
      build("floorDivide", [left, right], isKnown(right, 1) ? left : undefined),
    remainder: (left, right) =>
      build("remainder", [left, right], isKnown(right, 1) ? known(0) : undefined),
    min: (left, right) => build("min", [left, right], left === right ? left : undefined),
    max: (left, right) => build("max", [left, right], left === right ? left : undefined),
    select: (condition, then, otherwise) => {
      if (condition.kind === "known") return condition.value === 1 ? then : otherwise;
      const [a, b] = [integerOf(then, base), integerOf(otherwise, base)];
      return unknown(base.select(condition.value, a, b));
    },
  };
}

function differenceOf<E>(folded: Folded<E>): Operands<E> | undefined {
  return folded.kind === "expression" ? folded.difference : undefined;
}

/** Both sides of a comparison; those of `a - b` with 0 are `a` and `b`. */
function sidesOf<E>(left: Folded<E>, right: Folded<E>): Operands<E> {
  const inner = isKnown(right, 0) ? differenceOf(left) : undefined;
  if (inner !== undefined) return inner;
  const other = isKnown(left, 0) ? differenceOf(right) : undefined;
  return other === undefined ? [left, right] : [other[1], other[0]];
}

type ComparisonName = "less" | "lessEqual" | "equal" | "notEqual";

function comparisons<E>(base: Algebra<E>): Pick<Algebra<Folded<E>>, ComparisonName> {
  const build = (
    operator: ComparisonName,
    operands: Operands<E>,
    opposite: () => Folded<E>,
  ): Folded<E> => {
    const [left, right] = sidesOf(...operands);
    if (left.kind === "known" && right.kind === "known")
      return known(numbers[operator](left.value, right.value));
    const value = base[operator](integerOf(left, base), integerOf(right, base));
    return { kind: "expression", value, opposite };
  };
  const less = (left: Folded<E>, right: Folded<E>): Folded<E> =>
    build("less", [left, right], () => lessEqual(right, left));
  const lessEqual = (left: Folded<E>, right: Folded<E>): Folded<E> => {
    if (isKnown(left, 1) && right.kind === "expression") return less(known(0), right);
    if (isKnown(right, -1) && left.kind === "expression") return less(left, known(0));
    return build("lessEqual", [left, right], () => less(right, left));
  };
  const equal = (left: Folded<E>, right: Folded<E>): Folded<E> =>
    build("equal", [left, right], () => notEqual(left, right));
  const notEqual = (left: Folded<E>, right: Folded<E>): Folded<E> =>
    build("notEqual", [left, right], () => equal(left, right));
  return { less, lessEqual, equal, notEqual };
}

function connectives<E>(base: Algebra<E>): Pick<Algebra<Folded<E>>, "and" | "or" | "not"> {
  const not = (operand: Folded<E>): Folded<E> => {
    if (operand.kind === "known") return known(1 - operand.value);
    if (operand.opposite !== undefined) return operand.opposite();
    return { kind: "expression", value: base.not(operand.value), opposite: () => operand };
  };
  /** A negation goes to the operands where both have a short one. */
  const join = (value: E, operands: Operands<E>, dual: Join<E>): Folded<E> => {
    const short = operands.every((each) => each.kind === "known" || each.opposite !== undefined);
    return short
      ? { kind: "expression", value, opposite: () => dual(not(operands[0]), not(operands[1])) }
      : unknown(value);
  };
  const and: Join<E> = (left, right) => {
    if (left.kind === "known") return left.value === 0 ? left : right;
    if (right.kind === "known") return right.value === 0 ? right : left;
    return join(base.and(left.value, right.value), [left, right], or);
  };
  const or: Join<E> = (left, right) => {
    if (left.kind === "known") return left.value === 1 ? left : right;
    if (right.kind === "known") return right.value === 1 ? right : left;
    return join(base.or(left.value, right.value), [left, right], and);
  };
  return { and, or, not };
}

type Join<E> = (left: Folded<E>, right: Folded<E>) => Folded<E>;
