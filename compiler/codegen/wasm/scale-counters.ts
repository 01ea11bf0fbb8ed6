/**
 * Lets loops count in what their counter is multiplied by: bytes instead of elements. An address is then
 * a sum, or a sum of a base and a counter times 2, 4 or 8, which processors compute in one instruction,
 * where it was a product and a sum in each round.
 *
 * A counter is scaled by what all its factors have in common, if it is used in products alone. What it
 * counts to must stay below 2³¹: it is constant, or the counter starts from 0 and is part of an index of
 * one of the kernel's own arrays, which are small.
 */

import * as build from "../../kernel/build.ts";
import type { Expr, Kernel, Statement } from "../../kernel/kernel.ts";
import {
  childrenOf,
  expressionsOf,
  mapBlocks,
  mapChildren,
  mapExpressions,
  visitBody,
} from "../../kernel/rewrite.ts";

type Loop = Extract<Statement, { kind: "for" }>;

/** `kernel`, whose loads and stores have byte addresses, with such counters scaled. */
export function scaleCounters(kernel: Kernel): Kernel {
  const scales = scalesOf(kernel);
  if (scales.size === 0) return kernel;
  const changed = new Map<Expr, Expr>();
  const change = (expr: Expr): Expr => {
    const before = changed.get(expr);
    if (before !== undefined) return before;
    const product = productOf(expr);
    const scale = product === undefined ? undefined : scales.get(product.name);
    const result =
      product === undefined || scale === undefined
        ? mapChildren(expr, change)
        : build.multiply(build.variable(product.name), product.factor / scale);
    changed.set(expr, result);
    return result;
  };
  const statement = (each: Statement): Statement => {
    const result = mapBlocks(mapExpressions(each, change), (body) => body.map(statement));
    const scale = result.kind === "for" ? scales.get(result.variable) : undefined;
    if (result.kind !== "for" || scale === undefined) return result;
    const [from, to, step] = [result.from, result.to, result.step].map((end) =>
      build.multiply(end, scale),
    );
    return { ...result, ...(from && to && step ? { from, to, step } : {}) };
  };
  return { ...kernel, body: kernel.body.map(statement) };
}

/** What each counter that may be scaled is scaled by. */
function scalesOf(kernel: Kernel): ReadonlyMap<string, number> {
  const loops = new Map<string, Loop[]>();
  visitBody(kernel.body, (each) => {
    if (each.kind === "for") loops.set(each.variable, [...(loops.get(each.variable) ?? []), each]);
  });
  const factors = new Map<string, number>();
  const small = new Set<string>();
  const arrays = new Set(kernel.arrays.map(({ name }) => name));
  const seen = new Set<Expr>();
  const indexed = new Set<Expr>();
  const visit = (expr: Expr, inArray: boolean): void => {
    const known = inArray ? indexed : seen;
    if (known.has(expr)) return;
    known.add(expr);
    const product = productOf(expr);
    if (product !== undefined && loops.has(product.name)) {
      factors.set(product.name, common(factors.get(product.name) ?? 0, product.factor));
      if (inArray) small.add(product.name);
      return;
    }
    // Used by itself, which has no factor.
    if (expr.kind === "var" && loops.has(expr.name)) factors.set(expr.name, 1);
    const isIndex = expr.kind === "load" ? arrays.has(expr.buffer) : inArray;
    for (const part of childrenOf(expr)) visit(part, isIndex);
  };
  visitBody(kernel.body, (each) => {
    const isIndex = each.kind === "store" && arrays.has(each.buffer);
    for (const expr of expressionsOf(each)) visit(expr, isIndex && expr === each.index);
  });
  const scales = new Map<string, number>();
  for (const [name, scale] of factors) {
    const fits = (each: Loop): boolean => staysSmall(each, scale, small.has(name));
    if (scale > 1 && loops.get(name)?.every(fits)) scales.set(name, scale);
  }
  return scales;
}

/** The largest counter that an i32 holds with room for a step. */
const largest = 2 ** 30;

function staysSmall({ from, to }: Loop, scale: number, indexesArray: boolean): boolean {
  if (from.kind === "const" && to.kind === "const") return to.value * scale < largest;
  return indexesArray && from.kind === "const" && from.value === 0;
}

/** A variable times a positive constant. */
function productOf(expr: Expr): { readonly name: string; readonly factor: number } | undefined {
  if (expr.kind !== "binary" || expr.operator !== "multiply") return undefined;
  const { left, right } = expr;
  if (left.kind !== "var" || right.kind !== "const" || right.value <= 0) return undefined;
  return expr.type.scalar === "i32" ? { name: left.name, factor: right.value } : undefined;
}

/** The greatest common divisor; 0 is divided by everything. */
function common(a: number, b: number): number {
  return b === 0 ? a : common(b, a % b);
}
