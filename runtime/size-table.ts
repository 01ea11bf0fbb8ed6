/**
 * Sizes by number, each computed at most once a call however many steps use it, and which of their
 * symbols changed since the call before.
 */

import type { Size } from "./contract.ts";
import { invariant } from "./errors.ts";
import { evaluateSize, type SymbolValues, symbolsOf } from "./size.ts";

/** Symbols beyond this many share the last mark. */
const marks = 31;

/** The sizes of a phase, equal ones with one number. */
export class SizeTable {
  readonly #numbers: Map<string, number> = new Map();
  readonly #sizes: Size[] = [];
  readonly #symbols: string[] = [];
  /** What each symbol was in the call before. */
  readonly #before: (number | undefined)[] = [];
  readonly #values: (number | undefined)[] = [];
  #given: SymbolValues | undefined;

  /** The number of `size`. */
  add(size: Size): number {
    const key = JSON.stringify(size);
    const before = this.#numbers.get(key);
    if (before !== undefined) return before;
    this.#numbers.set(key, this.#sizes.length);
    this.#values.push(undefined);
    return this.#sizes.push(size) - 1;
  }

  /** The symbols that some sizes depend on as bits; one more bit says that there was no call yet. */
  symbolsOf(sizes: readonly Size[]): number {
    let found = firstCall;
    for (const symbol of new Set(sizes.flatMap((size) => [...symbolsOf(size)]))) {
      let index = this.#symbols.indexOf(symbol);
      if (index < 0) index = this.#symbols.push(symbol) - 1;
      found |= markOf(index);
    }
    return found;
  }

  /**
   * From now on sizes are those for these values, which stay as they are until the next `start`; gives
   * the bits of the symbols that changed.
   */
  start(values: SymbolValues): number {
    let changed = this.#given === undefined ? firstCall : 0;
    for (let index = 0; index < this.#symbols.length; index++) {
      const value = values.get(this.#symbols[index] ?? "");
      if (this.#before[index] === value) continue;
      this.#before[index] = value;
      changed |= markOf(index);
    }
    this.#given = values;
    if (changed !== 0) this.#values.fill(undefined);
    return changed;
  }

  /** What the size with that number is. */
  at(number: number): number {
    const before = this.#values[number];
    if (before !== undefined) return before;
    const size = this.#sizes[number];
    const values = this.#given;
    if (size === undefined || values === undefined) invariant(false, `there is no size ${number}`);
    const value = evaluateSize(size, values);
    this.#values[number] = value;
    return value;
  }
}

/** The bit of the symbol with that number. */
function markOf(index: number): number {
  return 1 << Math.min(index + 1, marks);
}

/** The bit that every step has. */
const firstCall = 1;
