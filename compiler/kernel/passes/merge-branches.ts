/**
 * Joins neighbouring `if`s with the same condition. Sound where the first cannot change the condition:
 * it reads no memory, and only memory is written before it is asked again.
 */

import { keyOf } from "../build.ts";
import type { Expr, Kernel, Statement } from "../kernel.ts";
import { mapBlocks, someExpr, someStatement } from "../rewrite.ts";

type Branch = Extract<Statement, { kind: "if" }>;

/** `kernel` with such branches joined; only those without `otherwise` are. */
export function mergeBranches(kernel: Kernel): Kernel {
  return { ...kernel, body: block(kernel.body) };
}

function block(body: readonly Statement[]): readonly Statement[] {
  const out: Statement[] = [];
  for (const each of body) {
    const statement = mapBlocks(each, block);
    const last = out.at(-1);
    if (last?.kind === "if" && statement.kind === "if" && mayJoin(last, statement)) {
      out[out.length - 1] = { ...last, then: [...last.then, ...statement.then] };
    } else {
      out.push(statement);
    }
  }
  return out;
}

function mayJoin(first: Branch, second: Branch): boolean {
  if (first.otherwise.length > 0 || second.otherwise.length > 0) return false;
  if (readsMemory(first.condition) || changesVariables(first.then)) return false;
  return keyOf(first.condition) === keyOf(second.condition);
}

function readsMemory(expr: Expr): boolean {
  return someExpr(expr, (part) => part.kind === "load" || part.kind === "load_array");
}

function changesVariables(body: readonly Statement[]): boolean {
  return someStatement(body, (each) => each.kind === "assign");
}
