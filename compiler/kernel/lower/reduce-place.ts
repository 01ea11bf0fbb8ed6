/**
 * The place of the largest element of a row (`argmax`, `greedy`): one invocation walks through it, or a
 * group does, neighbours at neighbouring elements, and compares what its invocations have found.
 */

import { unreachable } from "../../../grammar/invariant.ts";
import type { Dimension } from "../../op/dimension.ts";
import type { ReduceFunction } from "../../op/op.ts";
import * as build from "../build.ts";
import type { Expr, GroupArray, KernelType, Statement } from "../kernel.ts";
import { assign, barrier, declare, loop, mutable, storeArray, when } from "../statements.ts";
import type { Context } from "./context.ts";
import { lowest, type Row, type GroupReduction } from "./reduce-group.ts";

/** What is compared, and what is said of the largest. */
interface Search {
  /** What stands for an element. */
  readonly rank: (element: Expr) => Expr;
  /** What is no larger than any that may be found, and the place of what is no larger than it. */
  readonly start: Expr;
  readonly nowhere: number;
  /** Whether the first that is looked at counts, whatever it is. */
  readonly takesFirst: boolean;
  readonly result: (best: Expr, place: Expr) => Expr;
}

/** The bits of a number without its sign, and those of infinity; larger ones are not numbers. */
const [magnitudeBits, infinityBits] = [0x7fffffff, 0x7f800000];

/** How `fn` looks through elements of `type`; undefined where it looks for no place. */
export function searchFor(fn: ReduceFunction, type: KernelType): Search | undefined {
  switch (fn) {
    case "argmax":
      return {
        rank: (element) => element,
        start: build.constant(type, type.scalar === "f32" ? lowest : -2147483648),
        nowhere: 0,
        takesFirst: true,
        result: (_, place) => place,
      };
    case "greedy":
      return {
        rank: orderOf,
        start: build.int(-infinityBits),
        nowhere: -1,
        takesFirst: false,
        result: (best, place) =>
          build.select(build.less(build.int(infinityBits), best), build.int(-1), place),
      };
    case "sum":
    case "mean":
    case "max":
    case "min":
      return undefined;
    default:
      return unreachable(fn);
  }
}

/**
 * A whole number that orders floats: equal for both zeros, largest for what is not a number. Compilers
 * may assume that floats are numbers; of bits they assume nothing.
 */
function orderOf(element: Expr): Expr {
  const bits = build.call("bits_of", element);
  const magnitude = build.bitAnd(bits, magnitudeBits);
  const isNumber = build.lessEqual(magnitude, infinityBits);
  const falls = build.and(build.less(bits, 0), isNumber);
  return build.select(falls, build.negate(magnitude), magnitude);
}

/** One element after another. */
export function walkForPlace(
  context: Context,
  search: Search,
  length: Dimension,
  { value, store }: Pick<Row, "value" | "store">,
): readonly Statement[] {
  const walk = walkFrom(context, search, value, build.int(0), context.size(length), 1);
  return [...walk.statements, store(search.result(walk.best, walk.place))];
}

/** The elements of a row shared by `invocations`. */
export function placeInGroup(
  context: Context,
  search: Search,
  invocations: number,
  length: Dimension,
  { value, store }: Pick<Row, "value" | "store">,
): GroupReduction {
  const { type } = search.start;
  const element = type.scalar === "f32" ? "f32" : "i32";
  const bests: GroupArray = { name: context.fresh("bests"), element, length: invocations };
  const where: GroupArray = { name: context.fresh("where"), element: "i32", length: invocations };
  const size = context.size(length);
  const walk = walkFrom(context, search, value, build.invocation, size, invocations);
  const result = search.result(
    build.loadArray(bests.name, 0, type),
    build.loadArray(where.name, 0, build.i32),
  );
  const body: readonly Statement[] = [
    ...walk.statements,
    storeArray(bests.name, build.invocation, walk.best),
    storeArray(where.name, build.invocation, walk.place),
    barrier,
    ...byHalves(invocations, (half) => largerOf(context, type, bests.name, where.name, half)),
    when(build.equal(build.invocation, 0), [store(result)]),
  ];
  return { arrays: [bests, where], body };
}

/** Looks at the elements `from`, `from + step`, … */
function walkFrom(
  context: Context,
  { rank, start, nowhere, takesFirst }: Search,
  value: (index: Expr) => Expr,
  from: Expr,
  size: Expr,
  step: number,
): { readonly statements: readonly Statement[]; readonly best: Expr; readonly place: Expr } {
  const names = ["best", "place", "i", "rank"].map((name) => context.fresh(name));
  const [best = "", place = "", index = "", each = ""] = names;
  const [current, i] = [build.variable(best, start.type), build.variable(index)];
  const found = build.variable(each, start.type);
  const larger = build.less(current, found);
  const better = takesFirst ? build.or(build.equal(i, from), larger) : larger;
  const statements: readonly Statement[] = [
    mutable(best, start),
    mutable(place, build.int(nowhere)),
    loop(
      index,
      from,
      size,
      [declare(each, rank(value(i))), when(better, [assign(best, found), assign(place, i)])],
      step,
    ),
  ];
  return { statements, best: current, place: build.variable(place) };
}

/** `step` for each half, by the invocations of the lower one. */
function byHalves(
  invocations: number,
  step: (half: number) => readonly Statement[],
): readonly Statement[] {
  const statements: Statement[] = [];
  for (let half = invocations / 2; half >= 1; half /= 2)
    statements.push(when(build.less(build.invocation, half), step(half)), barrier);
  return statements;
}

/** Keeps the larger of two values and where it is; of equal ones the first. */
function largerOf(
  context: Context,
  type: KernelType,
  bests: string,
  where: string,
  half: number,
): readonly Statement[] {
  const names = ["own", "other", "own_place", "other_place"].map((name) => context.fresh(name));
  const [own = "", other = "", ownPlace = "", otherPlace = ""] = names;
  const [mine, theirs] = [build.variable(own, type), build.variable(other, type)];
  const [here, there] = [build.variable(ownPlace), build.variable(otherPlace)];
  const beyond = build.add(build.invocation, half);
  const earlier = build.and(build.equal(mine, theirs), build.less(there, here));
  return [
    declare(own, build.loadArray(bests, build.invocation, type)),
    declare(other, build.loadArray(bests, beyond, type)),
    declare(ownPlace, build.loadArray(where, build.invocation, build.i32)),
    declare(otherPlace, build.loadArray(where, beyond, build.i32)),
    when(build.or(build.less(mine, theirs), earlier), [
      storeArray(bests, build.invocation, theirs),
      storeArray(where, build.invocation, there),
    ]),
  ];
}
