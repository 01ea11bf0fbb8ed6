/** The choice of the next token. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom, xoshiro } from "../../runtime/random.ts";
import { greedy, sample, type SampleOptions } from "../../runtime/sample.ts";
import { failure } from "./weights/sample-files.ts";

const infinity = Number.POSITIVE_INFINITY;

test.each([
  [[1, 3, 2], 1],
  [[3, 1, 3], 0],
  [[-5], 0],
  [[-infinity, -9], 1],
  [[1, infinity, infinity], 1],
  [[-0, 0], 0],
])("greedy choice of %j is %i", (logits, id) => {
  expect(greedy(Float32Array.from(logits))).toBe(id);
});

const never = (): number => {
  throw new Error("no draw was expected");
};

/** The choice for a draw of `point`. */
function chosen(logits: readonly number[], options: SampleOptions, point: number): number {
  return sample(logits, options, () => point);
}

/** Logits whose softmax is `probabilities`. */
const logitsOf = (...probabilities: readonly number[]): readonly number[] =>
  probabilities.map(Math.log);

test.each<
  readonly [string, readonly number[], SampleOptions, readonly (readonly [number, number])[]]
>([
  [
    "parts in the order of the tokens",
    logitsOf(0.25, 0.5, 0.25),
    { temperature: 1 },
    [
      [0, 0],
      [0.249, 0],
      [0.251, 1],
      [0.749, 1],
      [0.751, 2],
      [1 - 2 ** -53, 2],
    ],
  ],
  [
    "temperature of a half squares",
    logitsOf(0.6, 0.3),
    { temperature: 0.5 },
    [
      [0.799, 0],
      [0.801, 1],
    ],
  ],
  [
    "the two best, of a tie the first",
    logitsOf(0.2, 0.6, 0.2),
    { temperature: 1, topK: 2 },
    [
      [0.24, 0],
      [0.26, 1],
      [0.999, 1],
    ],
  ],
  [
    "more than there are",
    logitsOf(0.5, 0.5),
    { temperature: 1, topK: 9 },
    [
      [0.49, 0],
      [0.51, 1],
    ],
  ],
  [
    "a nucleus reached exactly",
    [0, 0, -infinity],
    { temperature: 1, topP: 0.5 },
    [
      [0, 0],
      [0.999, 0],
    ],
  ],
  [
    "a nucleus that needs one more",
    logitsOf(0.25, 0.5, 0.25),
    { temperature: 1, topP: 0.6 },
    [
      [0.33, 0],
      [0.34, 1],
      [0.999, 1],
    ],
  ],
  [
    "a nucleus of next to nothing",
    logitsOf(0.1, 0.9),
    { temperature: 1, topP: 1e-9 },
    [[0.999, 1]],
  ],
  ["k before p", logitsOf(0.4, 0.3, 0.3), { temperature: 1, topK: 2, topP: 0.5 }, [[0.999, 0]]],
  [
    "ruled-out tokens",
    [-infinity, 0, -infinity],
    { temperature: 1 },
    [
      [0, 1],
      [1 - 2 ** -53, 1],
    ],
  ],
  ["an infinite logit", [0, infinity, infinity], { temperature: 1 }, [[0.999, 1]]],
  [
    "a tiny temperature",
    [1, 2, 2],
    { temperature: 1e-30 },
    [
      [0.49, 1],
      [0.51, 2],
    ],
  ],
])("%s", (_, logits, options, draws) => {
  expect(draws.map(([point]) => [point, chosen(logits, options, point)])).toEqual(draws);
});

test("temperature 0 is greedy and draws nothing", () => {
  expect(sample([1, 5, 2], { temperature: 0, topP: 0.1 }, never)).toBe(1);
});

test.each<readonly [string, () => unknown, RegExp]>([
  ["NaN", () => greedy([1, Number.NaN]), /sample\/not-a-number: the logit of token 1 \(of 2\)/],
  [
    "NaN behind the best",
    () => sample([9, Number.NaN], { temperature: 1 }, never),
    /sample\/not-a-number/,
  ],
  ["no logits", () => greedy([]), /sample\/no-token/],
  [
    "all ruled out",
    () => sample([-infinity, -infinity], { temperature: 1 }, never),
    /sample\/no-token/,
  ],
  [
    "negative temperature",
    () => sample([1], { temperature: -1 }, never),
    /sample\/option: temperature is -1/,
  ],
  [
    "temperature no number",
    () => sample([1], { temperature: Number.NaN }, never),
    /sample\/option/,
  ],
  [
    "no tokens",
    () => sample([1], { temperature: 1, topK: 0 }, never),
    /sample\/option: top-k is 0/,
  ],
  [
    "no probability",
    () => sample([1], { temperature: 1, topP: 0 }, never),
    /sample\/option: top-p is 0/,
  ],
  [
    "too much probability",
    () => sample([1], { temperature: 1, topP: 1.5 }, never),
    /sample\/option: top-p is 1.5/,
  ],
  ["negative seed", () => seededRandom(-1), /sample\/seed: the seed is -1/],
  ["broken seed", () => seededRandom(0.5), /sample\/seed/],
])("refused: %s", async (_, work, expected) => {
  expect(await failure(work)).toMatch(expected);
});

test("choices are as frequent as their probabilities", () => {
  const probabilities = [0.1, 0.4, 0.2, 0.3];
  const random = seededRandom(7);
  const draws = 40_000;
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < draws; i++) {
    const id = sample(logitsOf(...probabilities), { temperature: 1 }, random);
    counts[id] = (counts[id] ?? 0) + 1;
  }
  // Five standard deviations of a binomial count: for this one seed the outcome is fixed.
  const wrong = probabilities.filter((p, id) => {
    return Math.abs((counts[id] ?? 0) - draws * p) > 5 * Math.sqrt(draws * p * (1 - p));
  });
  expect(wrong).toEqual([]);
});

test("what is chosen is among the k best and in the nucleus", () => {
  const logit = fc.float({ noNaN: true, noDefaultInfinity: true, min: -20, max: 20 });
  const options = fc.record({
    temperature: fc.constantFrom(0.5, 1, 2),
    topK: fc.integer({ min: 1, max: 8 }),
    topP: fc.constantFrom(0.1, 0.5, 0.9, 1),
  });
  const point = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(logit, { minLength: 1, maxLength: 8 }),
      options,
      point,
      (logits, how, at) => {
        const id = chosen(logits, how, at);
        const better = logits.filter((each) => each > (logits[id] ?? 0));
        expect(better.length).toBeLessThan(how.topK);
        const weight = (each: number): number => Math.exp(each / how.temperature);
        const kept = logits.toSorted((a, b) => b - a).slice(0, how.topK);
        const share =
          better.reduce((sum, each) => sum + weight(each), 0) /
          kept.reduce((sum, each) => sum + weight(each), 0);
        // Two sums of up to eight terms, added here in another order than there.
        expect(share).toBeLessThan(how.topP + 16 * Number.EPSILON);
      },
    ),
    { numRuns: 500, seed: 9 },
  );
});

test("xoshiro128** as its authors publish it", () => {
  // First outputs of the reference C code for the state 1, 2, 3, 4.
  const next = xoshiro([1, 2, 3, 4]);
  expect([next(), next(), next(), next(), next()]).toEqual([
    11520, 0, 5927040, 70819200, 2031721883,
  ]);
});

test("a seed decides the sequence, and neighbours differ", () => {
  const start = (seed: number): readonly number[] => {
    const random = seededRandom(seed);
    return [random(), random(), random()];
  };
  expect(start(42)).toEqual(start(42));
  expect(start(0)).toMatchInlineSnapshot(`
    [
      0.5293295182250035,
      0.3179174177328169,
      0.08117048745701394,
    ]
  `);
  const seeds = [0, 1, 2, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
  const all = seeds.flatMap(start);
  expect(new Set(all).size).toBe(all.length);
  expect(all.every((value) => value >= 0 && value < 1)).toBe(true);
});
