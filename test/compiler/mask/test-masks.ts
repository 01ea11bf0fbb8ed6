/** Tests of random masks, on sequences and tiles of random sizes. */

import { expect, test } from "vitest";
import { show } from "../../../compiler/mask/index.ts";
import { faults } from "./faults.ts";
import { random, randomPredicate, randomSequence } from "./random.ts";

const perTest = 250;

/** Declares tests of `count` masks up to a depth of 4, on at most so many rows and rows of a tile. */
export function testMasks(
  count: number,
  most: { readonly rows: number; readonly tile: number },
): void {
  for (let first = 0; first < count; first += perTest) {
    const end = Math.min(count, first + perTest);
    test(`masks ${first} to ${end - 1} keep their meaning`, { timeout: 600_000 }, () => {
      for (let seed = first; seed < end; seed++) {
        const from = random(seed);
        const predicate = randomPredicate(from, from.below(5));
        const sequence = randomSequence(from, most.rows);
        const wrong = faults(predicate, sequence, from, most.tile);
        expect(wrong.slice(0, 5), `seed ${seed}: ${show(predicate)}`).toEqual([]);
      }
    });
  }
}
