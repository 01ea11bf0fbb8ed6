/**
 * Puts a number that is only spread over four lanes back where it is spread: WebAssembly loads and
 * spreads in one instruction, and the number then needs no register of its own.
 *
 * Sound for loads from memory that the kernel does not write, at an index that does not change.
 */

import type { Expr, Kernel, Statement } from "../../kernel/kernel.ts";
import {
  expressionsOf,
  mapBlocks,
  mapExpr,
  mapExpressions,
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
    if (statement.kind === "let" && statement.value.kind === "load") {
      const { buffer, type } = statement.value;
      const isNumber = type.scalar === "f32" && type.lanes === 1;
      if (isNumber && constant.has(buffer)) loads.set(statement.name, statement.value);
    }
    for (const expr of expressionsOf(statement)) {
      visitExpr(expr, (part) => {
        if (part.kind === "var") uses.set(part.name, (uses.get(part.name) ?? 0) + 1);
        if (part.kind === "splat" && part.operand.kind === "var") spread.add(part.operand.name);
      });
    }
  });
  const isFixed = (load: Expr): boolean =>
    !someExpr(load, (part) => part.kind === "var" && changing.has(part.name));
  return new Map(
    [...loads].filter(([name, load]) => uses.get(name) === 1 && spread.has(name) && isFixed(load)),
  );
}
