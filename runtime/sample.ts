/**
 * From logits to the next token.
 *
 * Pure functions: chance comes from outside, so the same logits, options and draws give the same
 * token. The order is that of transformers: temperature, then the k best, then the nucleus of
 * probability p, then one draw. Sums are in double precision.
 */

import { BraidError } from "./errors.ts";

/** How the next token is chosen. */
export interface SampleOptions {
  /** What logits are divided by; 0 means the greedy choice. */
  readonly temperature: number;
  /**
   * Only so many of the best tokens can be chosen; ties at the end go to the lower index. Absent:
   * all.
   */
  readonly topK?: number;
  /**
   * Only the best tokens whose probabilities first reach this sum can be chosen. Absent or 1: all.
   */
  readonly topP?: number;
}

/** The next number of a random sequence, in [0, 1). */
export type Random = () => number;

/**
 * The index of the greatest logit, the lowest one of several equal. `sample/not-a-number` where a
 * logit is NaN, `sample/no-token` where there is none above minus infinity.
 */
export function greedy(logits: ArrayLike<number>): number {
  let best = -1;
  let most = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? 0;
    if (Number.isNaN(logit)) throw notANumber(id, logits.length);
    if (logit > most) {
      most = logit;
      best = id;
    }
  }
  if (best >= 0) return best;
  throw new BraidError("sample/no-token", "every token of the vocabulary is ruled out", {
    hint: "a logit above minus infinity is needed; look at what the model does before its output",
  });
}

/**
 * Chooses an index of `logits` with one draw from `random`, or greedily, with none, at temperature
 * 0.
 */
export function sample(logits: ArrayLike<number>, options: SampleOptions, random: Random): number {
  checkOptions(options);
  const best = greedy(logits);
  if (options.temperature === 0) return best;
  const most = logits[best] ?? 0;
  // Several infinite logits leave nothing to choose by; the first of them is the greedy choice.
  if (most === Number.POSITIVE_INFINITY) return best;
  // The greatest weight is 1, so that nothing overflows.
  const weight = (logit: number): number => Math.exp((logit - most) / options.temperature);
  return draw(logits, keep(logits, options, weight), weight, random());
}

/**
 * `sample/option` unless the options mean something; for callers who want to know before a model is
 * loaded.
 */
export function checkOptions({ temperature, topK, topP }: SampleOptions): void {
  const finite = Number.isFinite(temperature) && temperature >= 0;
  if (!finite) throw option("temperature", temperature, "a number from 0 up");
  if (topK !== undefined && !(Number.isInteger(topK) && topK >= 1)) {
    throw option("top-k", topK, "a whole number from 1 up");
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    throw option("top-p", topP, "a number above 0 and up to 1");
  }
}

/** How many of the best tokens may be chosen. */
function countKept(
  descending: Float64Array,
  { topK = descending.length, topP = 1 }: SampleOptions,
  weight: (logit: number) => number,
): number {
  const best = descending.subarray(0, topK);
  if (topP === 1) return best.length;
  const wanted = best.reduce((sum, logit) => sum + weight(logit), 0) * topP;
  let sum = 0;
  const last = best.findIndex((logit) => {
    sum += weight(logit);
    return sum >= wanted;
  });
  return last + 1;
}

/**
 * The indices that may be chosen, increasing. Of equal logits at the edge the lower indices are
 * kept.
 */
function keep(
  logits: ArrayLike<number>,
  options: SampleOptions,
  weight: (logit: number) => number,
): readonly number[] {
  const ids = Array.from({ length: logits.length }, (_, id) => id);
  if ((options.topK ?? logits.length) >= logits.length && (options.topP ?? 1) === 1) return ids;
  // Numbers sort much faster than indices, and a vocabulary is large.
  const descending = Float64Array.from(logits).sort().reverse();
  const count = countKept(descending, options, weight);
  const edge = descending[count - 1] ?? 0;
  const above = ids.filter((id) => (logits[id] ?? 0) > edge).length;
  let ties = count - above;
  return ids.filter((id) => {
    const logit = logits[id] ?? 0;
    return logit > edge || (logit === edge && ties-- > 0);
  });
}

/**
 * The index in whose part of the whole `point`, in [0, 1), falls; the parts lie in the order of the
 * indices.
 */
function draw(
  logits: ArrayLike<number>,
  ids: readonly number[],
  weight: (logit: number) => number,
  point: number,
): number {
  const weights = ids.map((id) => weight(logits[id] ?? 0));
  const target = weights.reduce((sum, each) => sum + each, 0) * point;
  let sum = 0;
  const place = weights.findIndex((each) => {
    sum += each;
    return sum > target;
  });
  // Rounding of the target may leave it at the sum itself: then the last possible token is meant.
  const chosen = place === -1 ? weights.findLastIndex((each) => each > 0) : place;
  return ids[chosen] ?? 0;
}

function notANumber(id: number, count: number): BraidError {
  const message = `the logit of token ${id} (of ${count}) is not a number`;
  return new BraidError("sample/not-a-number", message, {
    hint: "an overflow or a broken weight; run with another backend or in float32 to see which",
  });
}

function option(name: string, value: number, wanted: string): BraidError {
  return new BraidError("sample/option", `${name} is ${value}`, { hint: `give ${wanted}` });
}
