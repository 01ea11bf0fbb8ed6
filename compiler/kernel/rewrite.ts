/**
 * Walks and changes of kernel IR: everything that needs to know which parts an expression or a
 * statement has, and nothing else. Unchanged parts are returned as they are, so that equality of
 * objects shows what a rewrite left alone.
 */

import { unreachable } from "../../grammar/invariant.ts";
import * as build from "./build.ts";
import type { Expr, Statement } from "./kernel.ts";

const noParts: readonly Expr[] = [];
const noBlocks: readonly (readonly Statement[])[] = [];

/** The expressions directly inside `expr`, in order of evaluation. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "const":
    case "var":
    case "builtin":
    case "element":
      return noParts;
    case "load":
    case "load_array":
      return [expr.index];
    case "unary":
    case "cast":
    case "splat":
    case "lane":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "call":
      return expr.args;
    case "select":
      return [expr.condition, expr.then, expr.otherwise];
    case "vector":
      return expr.items;
    default:
      return unreachable(expr);
  }
}

/** `expr` with each direct part replaced by `change` of it, simplified where that changes something. */
export function mapChildren(expr: Expr, change: (part: Expr) => Expr): Expr {
  switch (expr.kind) {
    case "const":
    case "var":
    case "builtin":
    case "element":
      return expr;
    case "load": {
      const index = change(expr.index);
      return index === expr.index ? expr : { ...expr, index };
    }
    case "load_array": {
      const index = change(expr.index);
      return index === expr.index ? expr : { ...expr, index };
    }
    case "binary": {
      const left = change(expr.left);
      const right = change(expr.right);
      if (left === expr.left && right === expr.right) return expr;
      const changed = build.binary(expr.operator, left, right);
      return expr.word === undefined ? changed : build.called(expr.word, changed);
    }
    case "call": {
      const args = expr.args.map(change);
      return areSame(args, expr.args) ? expr : build.call(expr.fn, ...args);
    }
    case "select": {
      const condition = change(expr.condition);
      const [then, otherwise] = [change(expr.then), change(expr.otherwise)];
      const same = then === expr.then && otherwise === expr.otherwise;
      return same && condition === expr.condition ? expr : build.select(condition, then, otherwise);
    }
    case "vector": {
      const [a, b, c, d] = expr.items;
      const items = [change(a), change(b), change(c), change(d)] as const;
      return areSame(items, expr.items) ? expr : build.vector(items);
    }
    default:
      return mapOperand(expr, change(expr.operand));
  }
}

function areSame(left: readonly Expr[], right: readonly Expr[]): boolean {
  return left.every((each, at) => each === right[at]);
}

function mapOperand(
  expr: Extract<Expr, { kind: "unary" | "cast" | "splat" | "lane" }>,
  operand: Expr,
): Expr {
  if (operand === expr.operand) return expr;
  switch (expr.kind) {
    case "unary":
      return expr.operator === "negate" ? build.negate(operand) : build.not(operand);
    case "cast":
      return build.cast(operand, expr.type);
    case "splat":
      return build.splat(operand);
    case "lane":
      return build.lane(operand, expr.index);
    default:
      return unreachable(expr);
  }
}

/** `expr` with `change` applied to every part, innermost first, and to itself last. */
export function mapExpr(expr: Expr, change: (part: Expr) => Expr): Expr {
  return change(mapChildren(expr, (part) => mapExpr(part, change)));
}

/** `expr` with variables replaced by expressions, by name. */
export function substitute(expr: Expr, replacements: ReadonlyMap<string, Expr>): Expr {
  if (expr.kind === "var") return replacements.get(expr.name) ?? expr;
  return mapChildren(expr, (part) => substitute(part, replacements));
}

/** Calls `visit` for `expr` and every part of it, outermost first. */
export function visitExpr(expr: Expr, visit: (part: Expr) => void): void {
  someExpr(expr, (part) => {
    visit(part);
    return false;
  });
}

/** Whether `holds` for `expr` or a part of it; asked outermost first. */
export function someExpr(expr: Expr, holds: (part: Expr) => boolean): boolean {
  if (holds(expr)) return true;
  // As `childrenOf`, without a list for each of the many parts that passes ask.
  switch (expr.kind) {
    case "load":
    case "load_array":
      return someExpr(expr.index, holds);
    case "unary":
    case "cast":
    case "splat":
    case "lane":
      return someExpr(expr.operand, holds);
    case "binary":
      return someExpr(expr.left, holds) || someExpr(expr.right, holds);
    default:
      for (const part of childrenOf(expr)) if (someExpr(part, holds)) return true;
      return false;
  }
}

/** Whether `expr` reads the variable `name`. */
export function reads(expr: Expr, name: string): boolean {
  return someExpr(expr, (part) => part.kind === "var" && part.name === name);
}

/** The expressions that `statement` evaluates itself, nested statements aside. */
export function expressionsOf(statement: Statement): readonly Expr[] {
  switch (statement.kind) {
    case "let":
    case "var":
    case "assign":
    case "tile":
    case "tile_assign":
      return [statement.value];
    case "store":
    case "store_array":
      return [statement.index, statement.value];
    case "for":
      return [statement.from, statement.to, statement.step];
    case "if":
      return [statement.condition];
    case "copy_async":
      return [statement.index, statement.source, statement.valid];
    case "warp_multiply": {
      const { left, right } = statement;
      return typeof left === "string" ? [right.index] : [left.index, right.index];
    }
    case "across":
      return typeof statement.of === "string" ? [] : [statement.of];
    case "block_product":
      return statement.rows === undefined ? [] : [statement.rows];
    case "matrix_multiply":
      return [statement.left.index, statement.right.index];
    case "matrix_store":
      return [statement.index];
    case "matrix":
    case "barrier":
    case "commit_copies":
    case "wait_copies":
    case "tile_multiply":
    case "tile_reduce":
    case "tile_each":
      return [];
    default:
      return unreachable(statement);
  }
}

/** The statement lists nested in `statement`. */
export function blocksOf(statement: Statement): readonly (readonly Statement[])[] {
  if (statement.kind === "for" || statement.kind === "tile_each") return [statement.body];
  if (statement.kind === "block_product") return [statement.fill];
  return statement.kind === "if" ? [statement.then, statement.otherwise] : noBlocks;
}

/** `statement` with its own expressions changed; nested statements stay. */
export function mapExpressions(statement: Statement, change: (expr: Expr) => Expr): Statement {
  switch (statement.kind) {
    case "let":
    case "var":
    case "assign":
    case "tile":
    case "tile_assign": {
      const value = change(statement.value);
      return value === statement.value ? statement : { ...statement, value };
    }
    case "store":
    case "store_array": {
      const [index, value] = [change(statement.index), change(statement.value)];
      const same = index === statement.index && value === statement.value;
      return same ? statement : { ...statement, index, value };
    }
    case "for": {
      const [from, to] = [change(statement.from), change(statement.to)];
      return { ...statement, from, to, step: change(statement.step) };
    }
    case "if":
      return { ...statement, condition: change(statement.condition) };
    case "copy_async": {
      const [index, source] = [change(statement.index), change(statement.source)];
      return { ...statement, index, source, valid: change(statement.valid) };
    }
    case "warp_multiply": {
      const { left, right } = statement;
      const first = typeof left === "string" ? left : { ...left, index: change(left.index) };
      return { ...statement, left: first, right: { ...right, index: change(right.index) } };
    }
    case "across":
      return typeof statement.of === "string"
        ? statement
        : { ...statement, of: change(statement.of) };
    case "block_product":
      return statement.rows === undefined
        ? statement
        : { ...statement, rows: change(statement.rows) };
    case "matrix_multiply": {
      const { left, right } = statement;
      const first = { ...left, index: change(left.index) };
      return { ...statement, left: first, right: { ...right, index: change(right.index) } };
    }
    case "matrix_store":
      return { ...statement, index: change(statement.index) };
    case "matrix":
    case "barrier":
    case "commit_copies":
    case "wait_copies":
    case "tile_multiply":
    case "tile_reduce":
    case "tile_each":
      return statement;
    default:
      return unreachable(statement);
  }
}

/** `statement` with nested statement lists changed; its own expressions stay. */
export function mapBlocks(
  statement: Statement,
  change: (body: readonly Statement[]) => readonly Statement[],
): Statement {
  if (statement.kind === "for" || statement.kind === "tile_each") {
    return { ...statement, body: change(statement.body) };
  }
  if (statement.kind === "block_product") return { ...statement, fill: change(statement.fill) };
  if (statement.kind !== "if") return statement;
  return { ...statement, then: change(statement.then), otherwise: change(statement.otherwise) };
}

/** All expressions of `body` and of what it nests, changed. */
export function mapBody(
  body: readonly Statement[],
  change: (expr: Expr) => Expr,
): readonly Statement[] {
  return body.map((each) =>
    mapBlocks(mapExpressions(each, change), (nested) => mapBody(nested, change)),
  );
}

/** Calls `visit` for every statement of `body` and of what it nests, outermost first. */
export function visitBody(body: readonly Statement[], visit: (statement: Statement) => void): void {
  for (const statement of body) {
    visit(statement);
    const blocks = blocksOf(statement);
    if (blocks.length > 0) for (const block of blocks) visitBody(block, visit);
  }
}

/** Whether `holds` for a statement of `body` or of what it nests. */
export function someStatement(
  body: readonly Statement[],
  holds: (statement: Statement) => boolean,
): boolean {
  return body.some(
    (each) => holds(each) || blocksOf(each).some((nested) => someStatement(nested, holds)),
  );
}

/** The names that `statement` declares, for itself or for what it nests. */
export function declaredBy(statement: Statement): readonly string[] {
  switch (statement.kind) {
    case "let":
    case "var":
    case "across":
    case "matrix":
    case "tile_reduce":
      return [statement.name];
    case "block_product":
      return [statement.first, statement.pitch, ...statement.sums.flat()];
    case "for":
      return [statement.variable];
    case "tile":
      return [statement.name, statement.row, statement.column];
    case "tile_assign":
    case "tile_each":
      return [statement.row, statement.column];
    default:
      return [];
  }
}
