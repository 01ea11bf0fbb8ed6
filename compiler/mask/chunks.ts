/**
 * `q / n` and `k / n` against `q - k`: rows of chunks a fixed number of chunks apart have differences
 * in one interval, whose ends are closed forms. With it, masks such as "causal inside a chunk" are
 * judged exactly.
 */

import type { Algebra } from "./algebra.ts";
import { type Folded, known } from "./fold.ts";
import type { Interval } from "./integer-set.ts";
import type { Chunks } from "./subject.ts";

/** The first and last position of a tile's rows on one side. */
export interface Extent<E> {
  readonly low: E;
  readonly high: E;
}

/** More distances than this are not told apart; the answer is then sound only. */
const mostDistances = 3;

/** The chunk distances that allow some `q - k` in `differences`; `undefined` if there are many. */
export function distancesOf(chunks: Chunks, differences: Interval): readonly number[] | undefined {
  const { divisor, query, key, interval } = chunks;
  const slack = divisor - 1;
  const offset = query - key;
  const low = Math.max(interval.low, Math.ceil((differences.low + offset - slack) / divisor));
  const high = Math.min(interval.high, Math.floor((differences.high + offset + slack) / divisor));
  if (low > high) return [];
  if (high - low >= mostDistances) return undefined;
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
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
 * The values of `q - k` over the rows whose chunks are `distance` apart, if there are such rows:
 * all from `low` to `high`.
 *
 * In a common chunk the differences are all between two ends. If several chunks are common, the
 * difference `distance * divisor` occurs in each, so their union has no gap; its ends lie in the
 * first or second, since from the second on a chunk only ever lacks rows at its end.
 */
export function differencesAt<E>(
  distance: number,
  chunks: Chunks,
  q: Extent<Folded<E>>,
  k: Extent<Folded<E>>,
  algebra: Algebra<Folded<E>>,
): Extent<Folded<E>> {
  const { add, subtract, multiply, min, max } = algebra;
  const { divisor, query, key } = chunks;
  const extents = chunkExtents(chunks, q, k, algebra);
  const first = max(extents.first.q, add(extents.first.k, known(distance)));
  const last = min(extents.last.q, add(extents.last.k, known(distance)));
  const second = min(add(first, known(1)), last);
  const inChunk = (chunk: Folded<E>): Extent<Folded<E>> => {
    const start = multiply(chunk, known(divisor));
    const keyStart = subtract(start, known(distance * divisor));
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
