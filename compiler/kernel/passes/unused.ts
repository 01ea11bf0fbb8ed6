/** Drops names that nothing reads. Sound because expressions have no effect but their value. */

import type { Kernel, Statement } from "../kernel.ts";
import { expressionsOf, mapBlocks, visitBody, visitExpr } from "../rewrite.ts";

/** `kernel` without `let`s that are never read; those read only by such go, too. */
export function dropUnused(kernel: Kernel): Kernel {
  const uses = new Map<string, number>();
  const definitions = new Map<string, Statement>();
  visitBody(kernel.body, (statement) => {
    if (statement.kind === "let") definitions.set(statement.name, statement);
    count(statement, uses, 1);
  });
  const dead = new Set<string>();
  const pending = [...definitions.keys()].filter((name) => !uses.get(name));
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const definition = definitions.get(name);
    if (definition === undefined || dead.has(name)) continue;
    dead.add(name);
    for (const read of count(definition, uses, -1)) if (!uses.get(read)) pending.push(read);
  }
  return dead.size === 0 ? kernel : { ...kernel, body: without(kernel.body, dead) };
}

/** Adds `change` to the uses of each variable that `statement` reads; the result is their names. */
function count(statement: Statement, uses: Map<string, number>, change: number): readonly string[] {
  const names: string[] = [];
  for (const expr of expressionsOf(statement)) {
    visitExpr(expr, (part) => {
      if (part.kind !== "var") return;
      names.push(part.name);
      uses.set(part.name, (uses.get(part.name) ?? 0) + change);
    });
  }
  return names;
}

function without(body: readonly Statement[], dead: ReadonlySet<string>): readonly Statement[] {
  return body
    .filter((each) => each.kind !== "let" || !dead.has(each.name))
    .map((each) => mapBlocks(each, (nested) => without(nested, dead)));
}
