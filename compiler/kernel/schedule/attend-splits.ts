/**
 * How many groups share the keys of an attention with few query rows (Dao et al. 2023,
 * Flash-Decoding). One group for the heads that share keys leaves most of a large device idle, and
 * takes as long as its cache is; with more of them each takes some of the keys.
 */

import {
  asConstant,
  ceilDivide,
  constant,
  type Dimension,
  equalDimensions,
  sumOf,
} from "../../op/dimension.ts";
import { type Attention, keysOf } from "../lower/attend-rows.ts";
import type { Schedule } from "../lower/schedule.ts";

/** Groups of a processor at a time: one computes while the other waits for memory. */
const groupsPerProcessor = 2;

/** Groups that share the keys of the same rows at most: a thread adds up all they found. */
const mostShares = 64;

/** How the keys of an attention are split. */
export interface Split {
  /** Groups that take the same rows. */
  readonly shares: Dimension;
  /** All keys of all parts; no more than `atMost` of them are not split. */
  readonly keys: Dimension;
  readonly atMost: number;
}

/**
 * The split of an attention whose rows are `blocks` blocks in each set; undefined where it never
 * pays. There are `shares` groups for each block whatever the number of keys, so that memory does not
 * depend on it.
 */
export function splitOf(
  attention: Attention,
  blocks: Dimension,
  { target }: Schedule,
): Split | undefined {
  const { context, op, sets } = attention;
  const count = asConstant(sets);
  const keys = keysOf(attention);
  const atMost = target.splitKeys;
  if (count === undefined || (asConstant(keys) ?? Number.POSITIVE_INFINITY) <= atMost) {
    return undefined;
  }
  // Where rows see each other only, few of them have few keys.
  if (equalDimensions(keys, context.extent(op.query))) return undefined;
  const wanted = Math.floor((groupsPerProcessor * target.processors) / count);
  if (wanted < 2) return undefined;
  const most = Math.min(wanted, mostShares);
  // All of them for one block, fewer for more, and a size for none.
  const shares = ceilDivide(constant(2 * most), sumOf([blocks, constant(1)]));
  return { shares, keys, atMost };
}
