/**
 * Which values and statements are the same for all invocations of a group. Barriers need this.
 *
 * The rules are those of WGSL (section "Uniformity"), so that what passes here passes there: group
 * memory and buffers that the kernel writes are never uniform, whatever their index.
 */

import type { Expr, Kernel, Statement } from "./kernel.ts";
import { blocksOf, someExpr, visitBody } from "./rewrite.ts";

/** The first barrier that not all invocations of a group may reach together, or nothing. */
export function divergentBarrier(kernel: Kernel): Statement | undefined {
  const varying = varyingNames(kernel);
  return firstDivergent(kernel.body, (expr) => isVarying(expr, kernel, varying), false);
}

function isVarying(expr: Expr, kernel: Kernel, varying: ReadonlySet<string>): boolean {
  return someExpr(expr, (part) => {
    if (part.kind === "builtin") return part.name === "invocation";
    if (part.kind === "var") return varying.has(part.name);
    if (part.kind === "load_array" || part.kind === "element") return true;
    if (part.kind !== "load") return false;
    return kernel.buffers.some((each) => each.name === part.buffer && each.access !== "read");
  });
}

/** Grows the set of variables that may differ between invocations until nothing changes. */
function varyingNames(kernel: Kernel): ReadonlySet<string> {
  const varying = new Set<string>();
  for (let before = -1; before !== varying.size; ) {
    before = varying.size;
    spread(kernel.body, false, varying, (expr) => isVarying(expr, kernel, varying));
  }
  return varying;
}

function spread(
  body: readonly Statement[],
  divergent: boolean,
  varying: Set<string>,
  varies: (expr: Expr) => boolean,
): void {
  for (const each of body) {
    if (each.kind === "let" || each.kind === "var" || each.kind === "assign") {
      if (divergent || varies(each.value)) varying.add(each.name);
    }
    const inside = divergent || branches(each, varies);
    if (each.kind === "for" && inside) varying.add(each.variable);
    for (const nested of blocksOf(each)) spread(nested, inside, varying, varies);
  }
}

function branches(statement: Statement, varies: (expr: Expr) => boolean): boolean {
  if (statement.kind === "if") return varies(statement.condition);
  if (statement.kind !== "for") return false;
  return [statement.from, statement.to, statement.step].some(varies);
}

function firstDivergent(
  body: readonly Statement[],
  varies: (expr: Expr) => boolean,
  divergent: boolean,
): Statement | undefined {
  for (const each of body) {
    if (each.kind === "barrier" && divergent) return each;
    const inside = divergent || branches(each, varies);
    for (const nested of blocksOf(each)) {
      const found = firstDivergent(nested, varies, inside);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Whether `statement` is a barrier or nests one. */
export function hasBarrier(statement: Statement): boolean {
  let found = false;
  visitBody([statement], (each) => {
    if (each.kind === "barrier") found = true;
  });
  return found;
}
