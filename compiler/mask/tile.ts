/**
 * Tile classes: for a rectangle of query and key rows, whether a mask may and whether it must let a
 * pair be seen. Written over an algebra, so that the same derivation classifies tiles here and emits
 * the few scalar operations with which a kernel classifies its own.
 *
 * Sound always. Exact for masks over positions that are built from bounds on `q`, `k` and `q - k`,
 * remainders of these and chunks, where the positions of the tile's rows follow each other.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate, Side } from "../op/predicate.ts";
import { type Algebra, numbers } from "./algebra.ts";
import type { Extent } from "./chunks.ts";
import { type Cover, coverOf } from "./cover.ts";
import { type Facts, nothingKnown } from "./facts.ts";
import { feasible, type Likelihood, type Tile, withExtents } from "./feasible.ts";
import { type Folded, folding, integerOf, known, truthOf, unknown } from "./fold.ts";
import { negation } from "./formula.ts";
import { type Range, rangeFrom, type TablePlace } from "./interval.ts";
import { toFormula } from "./literal.ts";
import { simplifyFormula } from "./simplify.ts";

/** The smallest and largest values in one tile. */
export interface TileRanges<E> {
  /** Positions of the query rows. */
  readonly q: Extent<E>;
  /** Positions of the key rows. */
  readonly k: Extent<E>;
  /** Data use `index` over the rows of `side`; an absent end is not bounded. */
  data(index: number, side: Side): Range<E>;
  /** A table's number at a place that is the same for all pairs of the tile; 0 outside. */
  table?(index: number, at: readonly TablePlace<E>[]): E | undefined;
  /** Whether the rows of a side are given, if the mask asks and the facts do not say. */
  given?(side: "q" | "k"): Likelihood<E>;
}

/** What a mask does to a tile: nothing is seen, everything is, or it must be looked at. */
export type TileClass = "never" | "always" | "maybe";

/** A mask prepared for classification: where it holds and where it does not, as alternatives. */
export interface TileTest {
  readonly visible: Cover;
  readonly hidden: Cover;
}

/** Prepares `predicate` for rows that are as `facts` say. */
export function tileTest(predicate: Predicate, facts: Facts): TileTest {
  const formula = simplifyFormula(toFormula(predicate), facts);
  const hidden = simplifyFormula(negation(formula), facts);
  return { visible: coverOf(formula), hidden: coverOf(hidden) };
}

/** Truth expressions of `algebra`: whether the mask may, and whether it must, let a pair be seen. */
export function classify<E>(
  predicate: Predicate,
  ranges: TileRanges<E>,
  algebra: Algebra<E>,
  facts: Facts = nothingKnown,
): Likelihood<E> {
  const tile = tileOf(ranges, algebra);
  const { visible, hidden } = tileTest(predicate, facts);
  return {
    possible: truthOf(possible(visible, tile), algebra),
    certain: truthOf(tile.algebra.not(possible(hidden, tile)), algebra),
  };
}

/** The class of a tile whose ranges are numbers. */
export function classifyTile(
  predicate: Predicate,
  ranges: TileRanges<number>,
  facts: Facts = nothingKnown,
): TileClass {
  return classOf(tileTest(predicate, facts), ranges);
}

/** The class of a tile, for a mask that is prepared. */
export function classOf(test: TileTest, ranges: TileRanges<number>): TileClass {
  const tile = tileOf(ranges, numbers);
  const holds = (cover: Cover): boolean => truthOf(possible(cover, tile), numbers) === 1;
  if (!holds(test.visible)) return "never";
  return holds(test.hidden) ? "maybe" : "always";
}

function possible<E>(cover: Cover, tile: Tile<E>): Folded<E> {
  const { algebra } = tile;
  switch (cover.kind) {
    case "alternatives": {
      const each = cover.conjuncts.map((conjunct) => feasible(conjunct, tile));
      return each.reduce(algebra.or, known<E>(0));
    }
    case "and":
      return cover.operands.map((each) => possible(each, tile)).reduce(algebra.and, known<E>(1));
    case "or":
      return cover.operands.map((each) => possible(each, tile)).reduce(algebra.or, known<E>(0));
    default:
      return unreachable(cover);
  }
}

/** `ranges` as operands of a folding algebra over `base`. */
export function tileOf<E>(ranges: TileRanges<E>, base: Algebra<E>): Tile<E> {
  const tile = {
    algebra: folding(base),
    data: (index: number, side: Side): Range<Folded<E>> => {
      const { low, high } = ranges.data(index, side);
      return rangeFrom(
        low === undefined ? undefined : operand(low),
        high === undefined ? undefined : operand(high),
      );
    },
    table: tableOf(ranges, base),
    given: givenOf(ranges),
  };
  return withExtents(tile, extentOf(ranges.q), extentOf(ranges.k));
}

function tableOf<E>(ranges: TileRanges<E>, base: Algebra<E>): Tile<E>["table"] {
  return (index, at) => {
    const places = at.map((each) => ({ axis: each.axis, at: integerOf(each.at, base) }));
    const value = ranges.table?.(index, places);
    return value === undefined ? undefined : operand(value);
  };
}

function givenOf<E>(ranges: TileRanges<E>): Tile<E>["given"] {
  const { given } = ranges;
  if (given === undefined) return undefined;
  return (side) => {
    const { possible, certain } = given(side);
    return { possible: operand(possible), certain: operand(certain) };
  };
}

/** Numbers are known, so that with them folding computes everything. */
function operand<E>(value: E): Folded<E> {
  return typeof value === "number" ? known(value) : unknown(value);
}

function extentOf<E>({ low, high }: Extent<E>): Extent<Folded<E>> {
  return { low: operand(low), high: operand(high) };
}
