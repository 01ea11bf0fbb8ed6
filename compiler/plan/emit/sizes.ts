/**
 * Sizes in the emitted code: symbols and what is used more than once have names, everything else is
 * written where it is used.
 */

import type { Plan, Size } from "../../../runtime/contract.ts";
import { numberText, onOneLine, text } from "./code.ts";
import type { Names } from "./names.ts";

/** Arithmetic, not a number or a symbol. */
type Compound = Exclude<Size, number | string>;

const words: Readonly<Record<Compound[0], string>> = {
  "+": "plus",
  "*": "times",
  "floor/": "floor",
  "ceil/": "ceil",
  max: "larger",
  min: "smaller",
};

/** The sizes of one plan as code. */
export class Sizes {
  private readonly counts = new Map<string, { readonly size: Compound; count: number }>();
  private readonly named = new Map<string, string>();
  private readonly declarations: (readonly [string, string])[] = [];

  /** Names what `use` uses more than once; `wishes` are names for sizes, best first. */
  constructor(
    names: Names,
    wishes: Iterable<readonly [string, Size]>,
    use: (size: (size: Size) => string) => void,
  ) {
    const symbols = new Set<string>();
    use((size) => {
      this.count(size, symbols);
      return "";
    });
    for (const symbol of [...symbols].sort()) {
      const name = names.take(symbol);
      this.named.set(symbol, name);
      this.declarations.push([name, onOneLine(text(symbol))]);
    }
    const wished = new Map<string, string>();
    for (const [name, size] of wishes) {
      const key = JSON.stringify(size);
      if (typeof size === "object" && !wished.has(key) && names.has(name)) {
        wished.set(key, name);
      }
    }
    // Smaller sizes first: the larger ones are written with them.
    const shared = [...this.counts].filter(([, { count }]) => count > 1);
    shared.sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
    for (const [key, { size }] of shared) {
      const value = this.write(size);
      const wish = wished.get(key);
      const name = names.take(wish !== undefined && names.has(wish) ? wish : nameOf(size));
      this.named.set(key, name);
      this.declarations.push([name, value]);
    }
  }

  /** The declarations, in an order in which each uses earlier ones. */
  get constants(): readonly (readonly [string, string])[] {
    return this.declarations;
  }

  /** The code of a size. */
  code(size: Size): string {
    if (typeof size === "number") return numberText(size);
    const key = typeof size === "string" ? size : JSON.stringify(size);
    const name = this.named.get(key);
    if (name !== undefined) return name;
    return typeof size === "string" ? onOneLine(text(size)) : this.write(size);
  }

  private write(size: Compound): string {
    const [operator] = size;
    const operands = this.operands(size).map((each) => this.code(each));
    return `${words[operator]}(${operands.join(", ")})`;
  }

  /**
   * What a size is made of; sums and products that lean left are one, as `plus` and `times` make
   * them.
   */
  private operands([operator, first, second]: Compound): readonly Size[] {
    const leans = typeof first === "object" && first[0] === operator;
    const chains = operator === "+" || operator === "*";
    if (!leans || !chains || this.named.has(JSON.stringify(first))) return [first, second];
    return [...this.operands(first), second];
  }

  /** Counts a size, and what it is made of when it is first met. */
  private count(size: Size, symbols: Set<string>): void {
    if (typeof size === "number") return;
    if (typeof size === "string") {
      symbols.add(size);
      return;
    }
    const key = JSON.stringify(size);
    const entry = this.counts.get(key);
    if (entry !== undefined) {
      entry.count++;
      return;
    }
    this.counts.set(key, { size, count: 1 });
    for (const each of size.slice(1)) this.count(each, symbols);
  }
}

const longestName = 40;

/** The size in words, where they are few. */
function nameOf(size: Compound): string {
  const inside = inWords(size);
  const name = /^\d/.test(inside) ? `n_${inside}` : inside;
  return name.length <= longestName ? name : "size_1";
}

/** The size in words, as kernels name their scalars: `T_plus_V`, `ceil_T_over_4`. */
function inWords(size: Size): string {
  if (typeof size !== "object") return String(size).replace("-", "minus ");
  const [operator, first, second] = size;
  switch (operator) {
    case "+":
      return `${inWords(first)}_plus_${inWords(second)}`;
    case "*":
      return typeof first === "number" || typeof second !== "number"
        ? `${inWords(first)}_times_${inWords(second)}`
        : `${inWords(second)}_times_${inWords(first)}`;
    case "floor/":
    case "ceil/":
      return `${operator.slice(0, -1)}_${inWords(first)}_over_${inWords(second)}`;
    case "max":
    case "min":
      return `${operator}_${inWords(first)}_${inWords(second)}`;
  }
}

/** Labels of axes whose sizes are arithmetic, over the whole plan: good names for those sizes. */
export function labelled(plan: Plan): readonly (readonly [string, Size])[] {
  const axes = [
    ...plan.inputs.flatMap((each) => each.axes),
    ...plan.states.flatMap((each) => each.axes),
    ...plan.phases.flatMap((phase) => phase.outputs.flatMap((each) => each.axes)),
  ];
  return axes.map(({ label, size }) => [label, size] as const);
}
