/**
 * Drops names that nothing reads, and what is assigned to them. Sound because expressions have no
 * effect but their value.
 */

import type { Kernel, Statement } from "../kernel.ts";
import { expressionsOf, mapBlocks, visitBody, visitExpr } from "../rewrite.ts";

type Definition = Extract<Statement, { kind: "let" | "var" | "assign" }>;

/** `kernel` without names that are read by nothing, or only by such names. */
export function dropUnused(kernel: Kernel): Kernel {
  const definitions = new Map<string, Definition[]>();
  const live = new Set<string>();
  const pending: string[] = [];
  const need = (statement: Statement): void => {
    for (const expr of expressionsOf(statement)) {
      visitExpr(expr, (part) => {
        if (part.kind !== "var" || live.has(part.name)) return;
        live.add(part.name);
        pending.push(part.name);
      });
    }
  };
  visitBody(kernel.body, (statement) => {
    if (isDefinition(statement)) {
      const others = definitions.get(statement.name);
      if (others === undefined) definitions.set(statement.name, [statement]);
      else others.push(statement);
    } else {
      need(statement);
    }
  });
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    for (const definition of definitions.get(name) ?? []) need(definition);
  }
  return { ...kernel, body: onlyLive(kernel.body, live) };
}

function isDefinition(statement: Statement): statement is Definition {
  return statement.kind === "let" || statement.kind === "var" || statement.kind === "assign";
}

function onlyLive(body: readonly Statement[], live: ReadonlySet<string>): readonly Statement[] {
  return body
    .filter((each) => !isDefinition(each) || live.has(each.name))
    .map((each) => mapBlocks(each, (nested) => onlyLive(nested, live)));
}
