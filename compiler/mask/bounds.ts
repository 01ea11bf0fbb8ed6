/**
 * Bounds of a loop over keys: for the query rows of a tile, the first and last key position that
 * some of them may see, in closed form. Sound always; absent where the mask gives none.
 */

import { unreachable } from "../../grammar/invariant.ts";
import type { Predicate } from "../op/predicate.ts";
import type { Algebra } from "./algebra.ts";
import { type Conjunct, type Cover, coverOf } from "./cover.ts";
import { type Facts, nothingKnown } from "./facts.ts";
import { narrowed, type Tile, withExtents } from "./feasible.ts";
import { type Folded, integerOf, known } from "./fold.ts";
import { intersectRanges, type Range, rangeFrom, rangeOfLinear } from "./interval.ts";
import { byConstant, combine, type Linear, readsPosition } from "./linear.ts";
import { toFormula } from "./literal.ts";
import { simplifyFormula } from "./simplify.ts";
import { type TileRanges, tileOf } from "./tile.ts";

/**
 * No key position below `low` or above `high` is seen from query rows at positions `ranges.q`. If no
 * key is seen at all, that is from 0 to -1. Of `ranges.data`, uses on side `k` must hold for all keys.
 */
export function keyBounds<E>(
  predicate: Predicate,
  ranges: Omit<TileRanges<E>, "k">,
  algebra: Algebra<E>,
  facts: Facts = nothingKnown,
): Range<E> {
  const cover = coverOf(simplifyFormula(toFormula(predicate), facts));
  // Key positions are what is asked for: nothing is known of them but that they are not negative.
  const tile = tileOf({ ...ranges, k: ranges.q }, algebra);
  const { low, high } = visibleKeys(cover, tile);
  return rangeFrom(low && integerOf(low, algebra), high && integerOf(high, algebra));
}

function visibleKeys<E>(cover: Cover, tile: Tile<E>): Range<Folded<E>> {
  const { algebra } = tile;
  switch (cover.kind) {
    case "alternatives":
      return unionRanges(
        cover.conjuncts.map((each) => keysOf(each, tile)),
        algebra,
      );
    case "or":
      return unionRanges(
        cover.operands.map((each) => visibleKeys(each, tile)),
        algebra,
      );
    case "and":
      return cover.operands
        .map((each) => visibleKeys(each, tile))
        .reduce((a, b) => intersectRanges(a, b, algebra), {});
    default:
      return unreachable(cover);
  }
}

/** The keys that all bounds of `conjunct` leave. */
function keysOf<E>(conjunct: Conjunct, tile: Tile<E>): Range<Folded<E>> {
  const query = narrowed("q", conjunct.bounds, tile).extent;
  const tight = withExtents(tile, query, tile.k);
  return conjunct.bounds
    .map(({ form, interval }) => {
      const { low, high } = interval;
      const allowed = rangeFrom<Folded<E>>(
        low === -Infinity ? undefined : known(low),
        high === Infinity ? undefined : known(high),
      );
      return solvedForKey(form, allowed, tight);
    })
    .reduce((a, b) => intersectRanges(a, b, tile.algebra), {});
}

/**
 * The keys for which `form` may be in `allowed`, if the key position occurs in it once: alone or
 * inside quotients by constants, each of which is undone.
 */
function solvedForKey<E>(form: Linear, allowed: Range<Folded<E>>, tile: Tile<E>): Range<Folded<E>> {
  const { algebra } = tile;
  const [part, more] = form.parts.filter((each) => readsPosition(each.atom, "k"));
  if (part === undefined || more !== undefined) return {};
  const rest = combine([
    [form, 1],
    [{ constant: 0, parts: [part] }, -1],
  ]);
  const range = rangeOfLinear(rest, tile);
  const product = rangeFrom(
    allowed.low && range.high && algebra.subtract(allowed.low, range.high),
    allowed.high && range.low && algebra.subtract(allowed.high, range.low),
  );
  const value = dividedBy(product, part.coefficient, algebra);
  if (part.atom.kind === "position") return value;
  const quotient = byConstant(part, "/");
  if (quotient === undefined) return {};
  const divisor = known<E>(quotient.divisor);
  const last = known<E>(quotient.divisor - 1);
  const operand = rangeFrom(
    value.low && algebra.multiply(value.low, divisor),
    value.high && algebra.add(algebra.multiply(value.high, divisor), last),
  );
  return solvedForKey(quotient.operand, operand, tile);
}

/** The integers `x` with `x * factor` in `range`. */
function dividedBy<E>(
  range: Range<Folded<E>>,
  factor: number,
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  const { low, high } = range;
  const divisor = Math.abs(factor);
  const down = (end: Folded<E>): Folded<E> => algebra.floorDivide(end, known(divisor));
  const up = (end: Folded<E>): Folded<E> => down(algebra.add(end, known(divisor - 1)));
  const negative = (end: Folded<E>): Folded<E> => algebra.subtract(known(0), end);
  return factor > 0
    ? rangeFrom(low && up(low), high && down(high))
    : rangeFrom(high && up(negative(high)), low && down(negative(low)));
}

/** The smallest range that holds all of `ranges`; for none, from 0 to -1. */
function unionRanges<E>(
  ranges: readonly Range<Folded<E>>[],
  algebra: Algebra<Folded<E>>,
): Range<Folded<E>> {
  if (ranges.length === 0) return { low: known(0), high: known(-1) };
  return ranges.reduce((a, b) =>
    rangeFrom(
      a.low && b.low && algebra.min(a.low, b.low),
      a.high && b.high && algebra.max(a.high, b.high),
    ),
  );
}
