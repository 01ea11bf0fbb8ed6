/**
 * Puts a number that is only spread over four lanes back where it is spread: WebAssembly loads and
 * spreads in one instruction, and the number then needs no register of its own.
 *
 * Sound for loads, at an index that does not change, from memory that the kernel does not write, or not
 * before the number is used.
 */

import type { Expr, Kernel, Statement } from "../../kernel/kernel.ts";
import {
  blocksOf,
  expressionsOf,
  mapBlocks,
  mapExpr,
  mapExpressions,
  reads,
  someStatement,
  someExpr,
  visitBody,
  visitExpr,
} from "../../kernel/rewrite.ts";

/** `kernel` with such loads inside their `splat`. */
export function spreadLoads(kernel: Kernel): Kernel {
  const moved = loadsToMove(kernel);
  if (moved.size === 0) return kernel;
  const change = (part: Expr): Expr => {
    const load = part.kind === "var" ? moved.get(part.name) : undefined;
    return load ?? part;
  };
  const block = (body: readonly Statement[]): readonly Statement[] =>
    body
      .filter((each) => each.kind !== "let" || !moved.has(each.name))
      .map((each) =>
        mapBlocks(
          mapExpressions(each, (expr) => mapExpr(expr, change)),
          block,
        ),
      );
  return { ...kernel, body: block(kernel.body) };
}

function loadsToMove(kernel: Kernel): ReadonlyMap<string, Expr> {
  const constant = new Set(
    kernel.buffers.filter(({ access }) => access === "read").map(({ name }) => name),
  );
  const changing = new Set<string>();
  const loads = new Map<string, Expr>();
  const uses = new Map<string, number>();
  const spread = new Set<string>();
  visitBody(kernel.body, (statement) => {
    if (statement.kind === "var") changing.add(statement.name);
    for (const expr of expressionsOf(statement)) {
      visitExpr(expr, (part) => {
        if (part.kind === "var") uses.set(part.name, (uses.get(part.name) ?? 0) + 1);
        if (part.kind === "splat" && part.operand.kind === "var") spread.add(part.operand.name);
      });
    }
  });
  const collect = (body: readonly Statement[]): void => {
    for (const [at, statement] of body.entries()) {
      for (const block of blocksOf(statement)) collect(block);
      if (statement.kind !== "let" || statement.value.kind !== "load") continue;
      const { name, value } = statement;
      const { buffer, type } = value;
      const isNumber = type.scalar === "f32" && type.lanes === 1;
      if (!isNumber || uses.get(name) !== 1 || !spread.has(name)) continue;
      const isFixed = !someExpr(value, (part) => part.kind === "var" && changing.has(part.name));
      const stays = constant.has(buffer) || isUsedUnchanged(body.slice(at + 1), name, buffer);
      if (isFixed && stays) loads.set(name, value);
    }
  };
  collect(kernel.body);
  return loads;
}

/** Whether nothing is stored in `buffer` until after the statement that uses `name`. */
function isUsedUnchanged(after: readonly Statement[], name: string, buffer: string): boolean {
  for (const statement of after) {
    const isStored = someStatement(
      [statement],
      (each) => each.kind === "store" && each.buffer === buffer,
    );
    if (isStored) return false;
    if (someStatement([statement], (each) => expressionsOf(each).some((expr) => reads(expr, name))))
      return true;
  }
  return false;
}
