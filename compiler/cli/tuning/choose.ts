/** Which of several ways to do the same is the fastest, timed in turn so that all meet the same load. */

/** How many times each is timed, at most; the first time of each only warms it up. */
const rounds = 9;
/** Fewer times than these say nothing. */
const leastRounds = 3;
/** What takes longer than this times the best so far is not timed again. */
const hopeless = 1.5;
/** The default stays unless another takes at most this share of its time … */
const worthChanging = 0.97;
/** … and was faster in this share of the rounds. */
const oftenFaster = 0.8;

/** What was measured. */
export interface Timed {
  /** Medians in milliseconds, by candidate; undefined where there was no time left. */
  readonly medians: readonly (number | undefined)[];
  /** The candidate to take; 0 is the default. */
  readonly best: number;
}

/**
 * Times candidates `0 … count - 1`, of which 0 is the default. `time` runs one of them and gives its
 * milliseconds; `mayGoOn` says before each round whether there is time for one.
 */
export async function fastest(
  count: number,
  time: (candidate: number) => Promise<number>,
  mayGoOn: () => boolean,
): Promise<Timed> {
  const times = Array.from({ length: count }, (): number[] => []);
  for (let round = 0; round <= rounds && mayGoOn(); round++) {
    const best = Math.min(...times.map(median));
    for (const [candidate, own] of times.entries()) {
      if (candidate > 0 && round >= leastRounds && median(own) > hopeless * best) continue;
      const took = await time(candidate);
      // The first call compiles and fetches.
      if (round > 0) own.push(took);
    }
  }
  const [usual = []] = times;
  const medians = times.map((own) => (own.length >= leastRounds ? median(own) : undefined));
  let best = 0;
  for (const [candidate, own] of times.entries()) {
    const faster = own.filter((each, round) => each < (usual[round] ?? 0)).length;
    const isBetter =
      own.length >= leastRounds &&
      faster >= oftenFaster * own.length &&
      median(own) <= worthChanging * median(usual) &&
      median(own) < median(times[best] ?? []);
    if (candidate > 0 && isBetter) best = candidate;
  }
  return { medians, best };
}

/** The middle of some times; infinite of none. */
function median(times: readonly number[]): number {
  if (times.length === 0) return Number.POSITIVE_INFINITY;
  const sorted = times.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}
