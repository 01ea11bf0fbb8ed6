/**
 * `q / n` and `k / n` against `q - k`: rows whose chunks are so and so far apart have differences in
 * one interval, whose ends are closed forms. With it, masks such as "a window inside a chunk" or
 * "every third key of earlier chunks" are judged exactly.
 */

import type { Algebra } from "./algebra.ts";
import { type Folded, known } from "./fold.ts";
import type { Chunks } from "./subject.ts";

/** The first and last position of a tile's rows on one side. */
export interface Extent<E> {
  readonly low: E;
  readonly high: E;
}

/** Whether some rows of `q` and `k` are a distance in `chunks.interval` apart. */
export function chunksPossible<E>(
  chunks: Chunks,
  q: Extent<Folded<E>>,
  k: Extent<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Folded<E> {
  const { low, high } = chunks.interval;
  const { first, last } = chunkExtents(chunks, q, k, algebra);
  const above =
    low === -Infinity ? known<E>(1) : algebra.lessEqual(algebra.add(first.k, known(low)), last.q);
  const below =
    high === Infinity ? known<E>(1) : algebra.lessEqual(first.q, algebra.add(last.k, known(high)));
  return algebra.and(above, below);
}

/**
 * The values of `q - k` over the rows a distance in `chunks.interval` apart, if there are such rows:
 * all from `low` to `high`.
 *
 * Pairs of chunks that are next to each other have adjacent differences, so there is no gap. Each
 * pair can be moved up one row at a time, to a larger difference, until its distance is the largest,
 * so the largest difference is found there; and the smallest at the smallest distance.
 */
export function differencesOf<E>(
  chunks: Chunks,
  q: Extent<Folded<E>>,
  k: Extent<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Extent<Folded<E>> {
  const { low, high } = chunks.interval;
  const { first, last } = chunkExtents(chunks, q, k, algebra);
  const { subtract, min, max } = algebra;
  const at = (distance: Folded<E>): Extent<Folded<E>> =>
    differencesAt(distance, chunks, q, k, algebra);
  return {
    low:
      low === -Infinity
        ? subtract(q.low, k.high)
        : at(max(subtract(first.q, last.k), known(low))).low,
    high:
      high === Infinity
        ? subtract(q.high, k.low)
        : at(min(subtract(last.q, first.k), known(high))).high,
  };
}

/**
 * The extremes of `q - k` over the rows whose chunks are `distance` apart.
 *
 * They lie in the first or second pair of such chunks, since from the second on a chunk only ever
 * lacks rows at its end.
 */
function differencesAt<E>(
  distance: Folded<E>,
  chunks: Chunks,
  q: Extent<Folded<E>>,
  k: Extent<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Extent<Folded<E>> {
  const { add, subtract, multiply, min, max } = algebra;
  const { divisor, query, key } = chunks;
  const extents = chunkExtents(chunks, q, k, algebra);
  const first = max(extents.first.q, add(extents.first.k, distance));
  const last = min(extents.last.q, add(extents.last.k, distance));
  const second = min(add(first, known(1)), last);
  const inChunk = (chunk: Folded<E>): Extent<Folded<E>> => {
    const start = multiply(chunk, known(divisor));
    const keyStart = multiply(subtract(chunk, distance), known(divisor));
    const end = add(start, known(divisor - 1));
    const keyEnd = add(keyStart, known(divisor - 1));
    const [queryLow, queryHigh] = [add(q.low, known(query)), add(q.high, known(query))];
    const [keyLow, keyHigh] = [add(k.low, known(key)), add(k.high, known(key))];
    return {
      low: subtract(max(queryLow, start), min(keyHigh, keyEnd)),
      high: subtract(min(queryHigh, end), max(keyLow, keyStart)),
    };
  };
  const [a, b] = [inChunk(first), inChunk(second)];
  return {
    low: subtract(min(a.low, b.low), known(query - key)),
    high: subtract(max(a.high, b.high), known(query - key)),
  };
}

interface BySide<E> {
  readonly q: E;
  readonly k: E;
}

/** The first and last chunk that each side's rows touch. */
function chunkExtents<E>(
  { divisor, query, key }: Chunks,
  q: Extent<Folded<E>>,
  k: Extent<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): { readonly first: BySide<Folded<E>>; readonly last: BySide<Folded<E>> } {
  const chunk = (position: Folded<E>, offset: number): Folded<E> =>
    algebra.floorDivide(algebra.add(position, known(offset)), known(divisor));
  return {
    first: { q: chunk(q.low, query), k: chunk(k.low, key) },
    last: { q: chunk(q.high, query), k: chunk(k.high, key) },
  };
}
