/** How the tasks of a kernel go over its parts: all tasks of one part, then those of the next. */

import { invariant } from "../../../grammar/invariant.ts";
import { type Dimension, sumOf } from "../../op/dimension.ts";
import * as build from "../build.ts";
import type { Expr, Statement } from "../kernel.ts";
import { when } from "../statements.ts";
import type { Context } from "./context.ts";

/**
 * The statements for unit `task` of all parts together, `count` of each; `body` has the number of the
 * unit in its part. The number must be the same in all invocations of a group if `body` has barriers.
 */
export function overParts<Part>(
  context: Context,
  parts: readonly Part[],
  count: (part: Part) => Dimension,
  task: Expr,
  body: (part: Part, task: Expr) => readonly Statement[],
): readonly Statement[] {
  const from = (index: number): readonly Statement[] => {
    const part = parts[index];
    invariant(part !== undefined, "lowering: a kernel has parts");
    const before = sumOf(parts.slice(0, index).map(count));
    const local = index === 0 ? task : build.subtract(task, context.size(before));
    const statements = body(part, local);
    if (index + 1 === parts.length) return statements;
    const end = context.size(sumOf(parts.slice(0, index + 1).map(count)));
    return [when(build.less(task, end), statements, from(index + 1))];
  };
  return from(0);
}
