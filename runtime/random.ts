/**
 * Random numbers from a seed, the same on every machine.
 *
 * The generator is xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), its state filled by splitmix32 from the two halves of the seed; a draw takes
 * 53 bits from two outputs.
 */

import { BraidError } from "./errors.ts";
import type { Random } from "./sample.ts";

/**
 * An endless sequence of numbers in [0, 1) that `seed` decides; a whole number from 0 up to 2⁵³ -
 * 1, else `sample/seed`.
 */
export function seededRandom(seed: number): Random {
  const next = xoshiro(stateOf(seed));
  return () => {
    const high = next() >>> 5;
    const low = next() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
}

/** The 32-bit outputs of xoshiro128** from `state`, four words not all zero. */
export function xoshiro(state: readonly [number, number, number, number]): () => number {
  let [a, b, c, d] = state;
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

function stateOf(seed: number): readonly [number, number, number, number] {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new BraidError("sample/seed", `the seed is ${seed}`, {
      hint: "give a whole number from 0 up to 9007199254740991",
    });
  }
  const low = splitmix(seed >>> 0);
  const high = splitmix(~Math.floor(seed / 2 ** 32) >>> 0);
  return [low(), high(), low(), high()];
}

/** splitmix32: the finalizer of MurmurHash3 over a Weyl sequence. */
function splitmix(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
