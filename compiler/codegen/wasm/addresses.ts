/**
 * Turns indices into byte addresses: the pointer of the buffer plus four times the index. Group
 * arrays lie one after another in the scratch memory of the thread, and are accessed like buffers.
 *
 * The sum is spread out into terms, those that change least often first and constants last. So
 * `share` finds the part of an address that a loop leaves alone, and rows at a constant distance have
 * one base with different offsets, which become immediates of the instruction.
 */

import * as build from "../../kernel/build.ts";
import type { Expr, GroupArray, Kernel, Statement } from "../../kernel/kernel.ts";
import {
  childrenOf,
  mapBlocks,
  mapChildren,
  mapExpressions,
  visitBody,
} from "../../kernel/rewrite.ts";

/** The name of the variable that holds the address of a buffer; no kernel has such a name. */
export function pointerName(buffer: string): string {
  return `&${buffer}`;
}

/** The name of the variable that holds the address of the thread's scratch memory. */
export const scratchName = "&scratch";

/** Bytes of scratch memory that `kernel` needs for its group arrays. */
export function scratchBytes({ arrays }: Pick<Kernel, "arrays">): number {
  return arrays.reduce((sum, each) => sum + bytesOf(each), 0);
}

/** Rounded up, so that four lanes of the next array do not straddle a cache line. */
function bytesOf({ length }: GroupArray): number {
  return Math.ceil(length / 16) * 64;
}

/**
 * `kernel` with byte addresses in all its loads and stores, and the pointers as first scalars. Those
 * of group arrays are loads and stores of "buffers" of that name, from `scratchName` on.
 */
export function toAddresses(kernel: Kernel): Kernel {
  const ages = new Ages(kernel);
  // Unrolled statements share the objects of their parts; what a part becomes depends on it alone.
  const changed = new Map<Expr, Expr>();
  const places = placesOf(kernel.arrays);
  const address = (buffer: string, index: Expr): Expr => {
    const terms: Expr[] = [];
    const place = places.get(buffer);
    const offset = spread(index, 4, terms) + (place ?? 0);
    const ordered = terms
      .map((term) => ({ term, age: ages.of(term) }))
      .sort((left, right) => left.age - right.age);
    const pointer = build.variable(place === undefined ? pointerName(buffer) : scratchName);
    const sum = ordered.reduce((total: Expr, { term }) => build.add(total, term), pointer);
    return build.add(sum, offset);
  };
  const change = (expr: Expr): Expr => {
    const before = changed.get(expr);
    if (before !== undefined) return before;
    const part = mapChildren(expr, change);
    const result = withAddress(part);
    changed.set(expr, result);
    return result;
  };
  const withAddress = (part: Expr): Expr => {
    if (part.kind === "load") return { ...part, index: address(part.buffer, part.index) };
    if (part.kind !== "load_array") return part;
    const { array, index, type } = part;
    return { kind: "load", type, buffer: array, index: address(array, index) };
  };
  const statement = (each: Statement): Statement => {
    const result = mapExpressions(each, change);
    if (result.kind === "store") {
      return { ...result, index: address(result.buffer, result.index) };
    }
    if (result.kind === "store_array") {
      const { array, index, value } = result;
      return { kind: "store", buffer: array, index: address(array, index), value };
    }
    return mapBlocks(result, (body) => body.map(statement));
  };
  const pointers = kernel.buffers.map((each) => pointerName(each.name));
  const scratch = kernel.arrays.length > 0 ? [scratchName] : [];
  const scalars = [...pointers, ...kernel.scalars, ...scratch];
  return { ...kernel, scalars, body: kernel.body.map(statement) };
}

/** The offset of each array in the scratch memory, in bytes. */
function placesOf(arrays: readonly GroupArray[]): ReadonlyMap<string, number> {
  let offset = 0;
  const places = new Map<string, number>();
  for (const each of arrays) {
    places.set(each.name, offset);
    offset += bytesOf(each);
  }
  return places;
}

/**
 * How late the value of each name is known: by the innermost loop that it depends on, in the order of
 * the text. What changes otherwise is younger than all others.
 */
class Ages {
  private readonly names = new Map<string, number>();
  private readonly known = new Map<Expr, number>();

  constructor(kernel: Kernel) {
    const { names } = this;
    visitBody(kernel.body, (each) => {
      if (each.kind === "var") names.set(each.name, Infinity);
      if (each.kind === "for") names.set(each.variable, names.size + 1);
      if (each.kind === "let") names.set(each.name, this.of(each.value));
    });
  }

  /** The age of the youngest name that `expr` reads. */
  of(expr: Expr): number {
    if (expr.kind === "load" || expr.kind === "load_array") return Infinity;
    if (expr.kind === "var") return this.names.get(expr.name) ?? 0;
    const before = this.known.get(expr);
    if (before !== undefined) return before;
    let age = 0;
    for (const part of childrenOf(expr)) age = Math.max(age, this.of(part));
    this.known.set(expr, age);
    return age;
  }
}

/** Appends the terms of `factor * expr`; the result is the constant among them. */
function spread(expr: Expr, factor: number, terms: Expr[]): number {
  if (expr.kind === "const") return Math.imul(expr.value, factor);
  if (expr.kind === "binary") {
    const { operator, left, right } = expr;
    if (operator === "add") return spread(left, factor, terms) + spread(right, factor, terms);
    if (operator === "subtract") return spread(left, factor, terms) + spread(right, -factor, terms);
    if (operator === "multiply" && right.kind === "const") {
      return spread(left, Math.imul(factor, right.value), terms);
    }
  }
  terms.push(build.multiply(expr, factor));
  return 0;
}
