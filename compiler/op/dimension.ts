/**
 * Symbolic sizes in normal form: a sum of products of symbols with rational coefficients, sorted, so
 * that equal sizes are equal data. Division that need not be exact is an opaque factor.
 *
 * `H / G` is exact by definition: its factors cancel (`H / G * G` is `H`), and a constant that does
 * not divide shows as a fraction, which `isWhole` refuses.
 */

import { invariant } from "../../grammar/invariant.ts";

/** A product: `numerator / denominator` times each factor to its power (powers may be negative). */
interface Term {
  readonly numerator: number;
  readonly denominator: number;
  readonly powers: ReadonlyMap<string, number>;
}

/** A size. Build with the functions below; compare with `equalDimensions`. */
export interface Dimension {
  /** The normal form as text: equal sizes have equal keys. */
  readonly key: string;
  readonly terms: readonly Term[];
  /** The opaque factors (`floor(…)`, `ceil(…)`, …) that occur in `terms`, by their text. */
  readonly opaque: ReadonlyMap<string, Opaque>;
}

/** A factor that is not a symbol: a rounded quotient, or an exact one by something with several terms. */
export interface Opaque {
  readonly kind: "floor" | "ceil" | "exact";
  readonly numerator: Dimension;
  readonly denominator: Dimension;
}

/** The size `value`, a whole number. */
export function constant(value: number): Dimension {
  const terms = value === 0 ? [] : [{ numerator: value, denominator: 1, powers: noPowers }];
  return { key: `${value}`, terms, opaque: noFactors };
}

const noPowers: ReadonlyMap<string, number> = new Map();
const noFactors: ReadonlyMap<string, Opaque> = new Map();

/** The size that `name` stands for: a block's dim or a run-time length. */
export function symbol(name: string): Dimension {
  return make([{ numerator: 1, denominator: 1, powers: new Map([[name, 1]]) }], new Map());
}

/** `left + right`. */
export function add(left: Dimension, right: Dimension): Dimension {
  const a = wholeConstant(left);
  const b = wholeConstant(right);
  if (a !== undefined && b !== undefined) return constant(a + b);
  if (a === 0 || b === 0) return a === 0 ? right : left;
  return make([...left.terms, ...right.terms], union(left.opaque, right.opaque));
}

/** `left - right`. */
export function subtract(left: Dimension, right: Dimension): Dimension {
  return add(left, multiply(constant(-1), right));
}

/** `left * right`. */
export function multiply(left: Dimension, right: Dimension): Dimension {
  const a = wholeConstant(left);
  const b = wholeConstant(right);
  if (a !== undefined && b !== undefined) return constant(a * b);
  if (a === 1 || b === 1) return a === 1 ? right : left;
  const terms = left.terms.flatMap((a) => right.terms.map((b) => product(a, b, 1)));
  return make(terms, union(left.opaque, right.opaque));
}

/** The product of all of `sizes`; 1 for none. */
export function productOf(sizes: readonly Dimension[]): Dimension {
  return sizes.reduce(multiply, constant(1));
}

/** The sum of all of `sizes`; 0 for none. */
export function sumOf(sizes: readonly Dimension[]): Dimension {
  return sizes.reduce(add, constant(0));
}

/** `left / right`, which the text promises to be whole. */
export function divide(left: Dimension, right: Dimension): Dimension {
  const [only, more] = right.terms;
  if (only !== undefined && more === undefined) {
    const terms = left.terms.map((term) => product(term, only, -1));
    return make(terms, union(left.opaque, right.opaque));
  }
  return left.key === right.key ? constant(1) : opaque("exact", left, right);
}

/** `floor(left / right)`. */
export function floorDivide(left: Dimension, right: Dimension): Dimension {
  return rounded("floor", left, right);
}

/** `ceil(left / right)`. */
export function ceilDivide(left: Dimension, right: Dimension): Dimension {
  return rounded("ceil", left, right);
}

/** Whether the two are the same size for every value of their symbols. */
export function equalDimensions(left: Dimension, right: Dimension): boolean {
  return left.key === right.key;
}

/** The number that `size` always is, if it has no symbols (it may be a fraction: see `isWhole`). */
export function asConstant(size: Dimension): number | undefined {
  if (size.terms.length === 0) return 0;
  const term = size.terms[0];
  if (term === undefined || size.terms.length > 1 || term.powers.size > 0) return undefined;
  return term.numerator / term.denominator;
}

/** The whole number that `size` always is: most sizes are, and need no normal form to be computed. */
function wholeConstant(size: Dimension): number | undefined {
  const value = asConstant(size);
  return value !== undefined && Number.isInteger(value) ? value : undefined;
}

/** A whole number that divides `size` whatever its symbols are; 1 where none is known. */
export function commonFactor({ terms, opaque: factors }: Dimension): number {
  const isKnown = terms.every(
    ({ denominator, powers }) =>
      denominator === 1 &&
      [...powers].every(([name, power]) => power > 0 && factors.get(name)?.kind !== "exact"),
  );
  return isKnown ? terms.reduce((factor, { numerator }) => gcd(factor, Math.abs(numerator)), 0) : 1;
}

/** False for a constant that is no whole number, such as `32 / 3`. */
export function isWhole(size: Dimension): boolean {
  const value = asConstant(size);
  return value === undefined || Number.isInteger(value);
}

/** The symbols that `size` depends on, those inside rounded quotients included. */
export function symbolsOf(size: Dimension): ReadonlySet<string> {
  const found = new Set<string>();
  for (const term of size.terms) {
    for (const factor of term.powers.keys()) {
      const inner = size.opaque.get(factor);
      if (inner === undefined) found.add(factor);
      else
        for (const each of [inner.numerator, inner.denominator])
          for (const name of symbolsOf(each)) found.add(name);
    }
  }
  return found;
}

/** `size` with some symbols replaced by sizes. */
export function substitute(size: Dimension, values: ReadonlyMap<string, Dimension>): Dimension {
  if (values.size === 0) return size;
  const terms = size.terms.map((term) => {
    let result = make([{ ...term, powers: new Map() }], new Map());
    for (const [factor, power] of term.powers) {
      const value = substituteFactor(size, factor, values);
      for (let i = 0; i < power; i++) result = multiply(result, value);
      for (let i = 0; i > power; i--) result = divide(result, value);
    }
    return result;
  });
  return sumOf(terms);
}

/** The number `size` is for these values of its symbols; every symbol must be given. */
export function evaluateDimension(size: Dimension, values: ReadonlyMap<string, number>): number {
  const sized = new Map([...values].map(([name, value]) => [name, constant(value)]));
  const value = asConstant(substitute(size, sized));
  invariant(value !== undefined, `no value for a symbol of the size ${size.key}`);
  return value;
}

/** `size` as a person writes it: `V + T`, `2 * H`, `floor(Size / Patch)`. */
export function showDimension(size: Dimension): string {
  return size.key;
}

function substituteFactor(
  size: Dimension,
  factor: string,
  values: ReadonlyMap<string, Dimension>,
): Dimension {
  const inner = size.opaque.get(factor);
  if (inner === undefined) return values.get(factor) ?? symbol(factor);
  const numerator = substitute(inner.numerator, values);
  const denominator = substitute(inner.denominator, values);
  return inner.kind === "exact"
    ? divide(numerator, denominator)
    : rounded(inner.kind, numerator, denominator);
}

function rounded(kind: "floor" | "ceil", left: Dimension, right: Dimension): Dimension {
  const a = asConstant(left);
  const b = asConstant(right);
  if (a !== undefined && b !== undefined) return constant(Math[kind](a / b));
  const exact = divide(left, right);
  const whole =
    exact.opaque.size === left.opaque.size &&
    exact.terms.every(
      (term) => term.denominator === 1 && [...term.powers.values()].every((power) => power > 0),
    );
  return whole ? exact : opaque(kind, left, right);
}

function opaque(kind: Opaque["kind"], numerator: Dimension, denominator: Dimension): Dimension {
  const quotient = `${parenthesised(numerator)} / ${parenthesised(denominator)}`;
  const text = kind === "exact" ? `(${quotient})` : `${kind}(${quotient})`;
  const value = symbol(text);
  return { ...value, opaque: new Map([[text, { kind, numerator, denominator }]]) };
}

function product(a: Term, b: Term, sign: 1 | -1): Term {
  const powers = new Map(a.powers);
  for (const [factor, power] of b.powers) {
    const total = (powers.get(factor) ?? 0) + sign * power;
    if (total === 0) powers.delete(factor);
    else powers.set(factor, total);
  }
  const [up, down] = sign === 1 ? [b.numerator, b.denominator] : [b.denominator, b.numerator];
  return { ...reduced(a.numerator * up, a.denominator * down), powers };
}

function reduced(numerator: number, denominator: number): Omit<Term, "powers"> {
  const divisor = gcd(Math.abs(numerator), Math.abs(denominator)) * Math.sign(denominator || 1);
  return { numerator: numerator / (divisor || 1), denominator: denominator / (divisor || 1) };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function union<V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  if (b.size === 0) return a;
  return a.size === 0 ? b : new Map([...a, ...b]);
}

function make(terms: readonly Term[], opaque: ReadonlyMap<string, Opaque>): Dimension {
  const only = terms[0];
  if (only !== undefined && terms.length === 1 && only.numerator !== 0)
    return { key: showTerms(terms), terms, opaque };
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = powersKey(term.powers);
    const other = sums.get(key);
    if (other === undefined) sums.set(key, term);
    else {
      const numerator = term.numerator * other.denominator + other.numerator * term.denominator;
      const total = reduced(numerator, term.denominator * other.denominator);
      sums.set(key, { ...total, powers: term.powers });
    }
  }
  const kept = [...sums.values()].filter((term) => term.numerator !== 0);
  kept.sort((a, b) => degree(b) - degree(a) || compare(powersKey(a.powers), powersKey(b.powers)));
  return { key: showTerms(kept), terms: kept, opaque };
}

function degree(term: Term): number {
  return [...term.powers.values()].reduce((sum, power) => sum + Math.abs(power), 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function powersKey(powers: ReadonlyMap<string, number>): string {
  if (powers.size === 0) return "";
  return [...powers]
    .map(([factor, power]) => `${factor}^${power}`)
    .sort(compare)
    .join("*");
}

function parenthesised(size: Dimension): string {
  return size.terms.length > 1 ? `(${size.key})` : size.key;
}

function showTerms(terms: readonly Term[]): string {
  if (terms.length === 0) return "0";
  return terms
    .map((term, index) => {
      const negative = term.numerator < 0;
      const text = showProduct(term, Math.abs(term.numerator));
      if (index === 0) return negative ? `-${text}` : text;
      return negative ? ` - ${text}` : ` + ${text}`;
    })
    .join("");
}

/** The term with that numerator. */
function showProduct(term: Term, numerator: number): string {
  if (term.denominator === 1 && term.powers.size < 2) {
    const [only] = term.powers;
    if (only === undefined) return `${numerator}`;
    if (only[1] === 1) return numerator === 1 ? only[0] : `${numerator} * ${only[0]}`;
  }
  const sorted = [...term.powers].sort(([a], [b]) => compare(a, b));
  const up = sorted.flatMap(([factor, power]) => Array<string>(Math.max(0, power)).fill(factor));
  const down = sorted.flatMap(([factor, power]) => Array<string>(Math.max(0, -power)).fill(factor));
  if (numerator !== 1 || up.length === 0) up.unshift(`${numerator}`);
  if (term.denominator !== 1) down.unshift(`${term.denominator}`);
  return [up.join(" * "), ...down].join(" / ");
}
