/**
 * Replaces loops that run exactly once by their body, and drops those that never run. Schedules write
 * loops over tiles of an axis; where the axis has one tile the loop is noise and hides constants.
 */

import type { Kernel, Statement } from "../kernel.ts";
import { mapBlocks, mapBody, substitute } from "../rewrite.ts";

/** `kernel` without such loops. Names are unique, so a body may join the block around it. */
export function unrollSingle(kernel: Kernel): Kernel {
  return { ...kernel, body: block(kernel.body) };
}

function block(body: readonly Statement[]): readonly Statement[] {
  return body.flatMap((each) => {
    const statement = mapBlocks(each, block);
    const rounds = statement.kind === "for" ? roundsOf(statement) : undefined;
    if (statement.kind !== "for" || rounds === undefined || rounds > 1) return [statement];
    if (rounds === 0) return [];
    const value = new Map([[statement.variable, statement.from]]);
    return mapBody(statement.body, (expr) => substitute(expr, value));
  });
}

/** How often a loop with constant ends runs. */
function roundsOf({ from, to, step }: Extract<Statement, { kind: "for" }>): number | undefined {
  if (from.kind !== "const" || to.kind !== "const" || step.kind !== "const") return undefined;
  return Math.max(0, Math.ceil((to.value - from.value) / step.value));
}
