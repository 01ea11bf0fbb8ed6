/**
 * What a kernel binds: the memory that its statements touch. A lowering asks for a buffer when it
 * writes down a load, and may then find that nothing needs what was loaded.
 */

import type { Kernel } from "../kernel.ts";
import { dropUnused } from "../passes/unused.ts";
import { expressionsOf, visitBody, visitExpr } from "../rewrite.ts";
import type { Lowered } from "./schedule.ts";

/** `lowered` without loads that nothing needs, and without the buffers that only they read. */
export function withoutUnread(lowered: Lowered): Lowered {
  const kernel = dropUnused(lowered.kernel);
  const touched = buffersOf(kernel);
  return {
    ...lowered,
    kernel: { ...kernel, buffers: kernel.buffers.filter(({ name }) => touched.has(name)) },
    bindings: lowered.bindings.filter(({ parameter }) => touched.has(parameter.name)),
  };
}

/** The names of the buffers that statements of `kernel` load from, copy from or store to. */
function buffersOf({ body }: Kernel): ReadonlySet<string> {
  const names = new Set<string>();
  visitBody(body, (statement) => {
    if (statement.kind === "store" || statement.kind === "copy_async") names.add(statement.buffer);
    for (const expr of expressionsOf(statement)) {
      visitExpr(expr, (part) => {
        if (part.kind === "load") names.add(part.buffer);
      });
    }
  });
  return names;
}
