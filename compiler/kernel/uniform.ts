/**
 * Which values and statements are the same for all invocations of a group, which barriers need, or of
 * a warp, which statements on its tiles need.
 *
 * The rules are those of WGSL (section "Uniformity"), so that what passes here passes there: group
 * memory and buffers that the kernel writes are never uniform, whatever their index.
 */

import type { Expr, Kernel, Statement } from "./kernel.ts";
import { blocksOf, expressionsOf, someExpr, someStatement, visitBody } from "./rewrite.ts";

/** The first statement that all invocations of a group do together and may not reach so, or nothing. */
export function divergentBarrier(kernel: Kernel): Statement | undefined {
  const varying = varyingNames(kernel, "group");
  const varies = (expr: Expr): boolean => isVarying(expr, kernel, "group", varying);
  return firstDivergent(kernel.body, varies, meets);
}

/**
 * The first statement on what a warp holds together, its matrices or its tiles, that may differ among
 * its invocations, or nothing.
 */
export function divergentTile(kernel: Kernel): Statement | undefined {
  if (kernel.tiles !== "warp") return divergentMatrix(kernel);
  const varying = varyingNames(kernel, "warp");
  const varies = (expr: Expr): boolean => isVarying(expr, kernel, "warp", varying);
  // An element is read by whoever holds it: from which memory does not matter.
  const isOwn = (expr: Expr): boolean =>
    someExpr(expr, (part) =>
      part.kind === "var" ? varying.has(part.name) : isInvocation(part, "warp"),
    );
  const differs = (each: Statement): boolean =>
    isTileStatement(each) &&
    (expressionsOf(each).some(isOwn) ||
      blocksOf(each).some((body) =>
        someStatement(body, (inner) => expressionsOf(inner).some(isOwn)),
      ));
  return (
    firstDivergent(kernel.body, varies, isTileStatement) ?? firstStatement(kernel.body, differs)
  );
}

function divergentMatrix(kernel: Kernel): Statement | undefined {
  const isMatrix = ({ kind }: Statement): boolean => kind.startsWith("matrix");
  if (!someStatement(kernel.body, isMatrix)) return undefined;
  const varying = varyingNames(kernel, "warp");
  const varies = (expr: Expr): boolean => isVarying(expr, kernel, "warp", varying);
  return (
    firstDivergent(kernel.body, varies, isMatrix) ??
    firstStatement(kernel.body, (each) => isMatrix(each) && expressionsOf(each).some(varies))
  );
}

/** Whether `statement` is one on tiles. */
export function isTileStatement({ kind }: Statement): boolean {
  return kind.startsWith("tile") || kind === "warp_multiply";
}

function firstStatement(
  body: readonly Statement[],
  holds: (statement: Statement) => boolean,
): Statement | undefined {
  let found: Statement | undefined;
  visitBody(body, (each) => {
    if (found === undefined && holds(each)) found = each;
  });
  return found;
}

type Scope = "group" | "warp";

function isInvocation(part: Expr, scope: Scope): boolean {
  if (part.kind !== "builtin") return false;
  return part.name === "invocation" || (part.name === "warp" && scope === "group");
}

function isVarying(
  expr: Expr,
  kernel: Kernel,
  scope: Scope,
  varying: ReadonlySet<string>,
): boolean {
  return someExpr(expr, (part) => {
    if (part.kind === "builtin") return isInvocation(part, scope);
    if (part.kind === "var") return varying.has(part.name);
    if (part.kind === "load_array" || part.kind === "element") return true;
    if (part.kind !== "load") return false;
    return kernel.buffers.some((each) => each.name === part.buffer && each.access !== "read");
  });
}

/** Grows the set of variables that may differ between invocations until nothing changes. */
function varyingNames(kernel: Kernel, scope: Scope): ReadonlySet<string> {
  const varying = new Set<string>();
  for (let before = -1; before !== varying.size; ) {
    before = varying.size;
    spread(kernel.body, false, varying, (expr) => isVarying(expr, kernel, scope, varying));
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
    if (each.kind === "across") varying.add(each.name);
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
  needsAll: (statement: Statement) => boolean,
  divergent = false,
): Statement | undefined {
  for (const each of body) {
    if (divergent && needsAll(each)) return each;
    const inside = divergent || branches(each, varies);
    for (const nested of blocksOf(each)) {
      const found = firstDivergent(nested, varies, needsAll, inside);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Whether all invocations of a group do a statement together. */
function meets({ kind }: Statement): boolean {
  return kind === "barrier" || kind === "across" || kind === "block_product";
}

/** Whether `statement` is one that a group does together, or nests one. */
export function hasMeeting(statement: Statement): boolean {
  return someStatement([statement], meets);
}
