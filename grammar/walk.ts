/** Going through expressions without recursion, so that their depth cannot exhaust the stack. */

import type { Argument, BracketItem, Expr, Path } from "./ast.ts";
import { unreachable } from "./invariant.ts";

/** Operators, calls and branches may follow each other this deep, so that later phases may recurse. */
export const depthLimit = 200;

/** The expressions directly inside an expression, those in its path included, in order of place. */
export function expressionsIn(expression: Expr): readonly Expr[] {
  switch (expression.kind) {
    case "number":
    case "string":
    case "boolean":
    case "name":
    case "missing":
      return [];
    case "list":
      return expression.items;
    case "member":
      return [expression.target];
    case "bracket":
      return [expression.target, ...expression.items.flatMap(inBracketItem)];
    case "call":
      return [
        expression.callee,
        ...expression.arguments.flatMap(inArgument),
        ...(expression.at === undefined ? [] : inPath(expression.at)),
      ];
    case "join":
      return expression.arguments.flatMap(inArgument);
    case "with":
      return [expression.target, expression.value];
    case "unary":
      return [expression.operand];
    case "binary":
      return [expression.left, expression.right];
    default:
      return unreachable(expression);
  }
}

/** Whether an expression holds others nested more than `limit` deep. */
export function isDeeper(expression: Expr, limit: number): boolean {
  let level: readonly Expr[] = [expression];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap(expressionsIn);
  }
  return false;
}

function inBracketItem(item: BracketItem): readonly Expr[] {
  return item.kind === "rename" ? [] : [item.value];
}

function inArgument(argument: Argument): readonly Expr[] {
  return argument.label === undefined ? [argument.value] : [argument.label, argument.value];
}

function inPath(path: Path): readonly Expr[] {
  return path.parts.flatMap((part) => (part.kind === "index" ? [part.value] : []));
}
