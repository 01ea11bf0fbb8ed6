/** What a printer asks of a whole kernel before it writes: the names in it, and what it uses. */

import type { BuiltinName, Expr, Kernel, Statement } from "../kernel/kernel.ts";
import {
  declaredBy,
  expressionsOf,
  someExpr,
  someStatement,
  visitBody,
  visitExpr,
} from "../kernel/rewrite.ts";

/** Every name that `kernel` declares. */
export function namesOf(kernel: Kernel): ReadonlySet<string> {
  const names = new Set([
    kernel.name,
    ...kernel.buffers.map((each) => each.name),
    ...kernel.arrays.map((each) => each.name),
    ...kernel.scalars,
  ]);
  visitBody(kernel.body, (each) => {
    for (const name of declaredBy(each)) names.add(name);
  });
  return names;
}

/** Whether an expression anywhere in `kernel` has a part for which `wanted` holds. */
export function uses(kernel: Kernel, wanted: (part: Expr) => boolean): boolean {
  const has = (each: Statement): boolean =>
    expressionsOf(each).some((expr) => someExpr(expr, wanted));
  return someStatement(kernel.body, has);
}

/** The names of the variables that `kernel` reads. */
export function variablesIn({ body }: Kernel): ReadonlySet<string> {
  const names = new Set<string>();
  visitBody(body, (statement) => {
    for (const expr of expressionsOf(statement))
      visitExpr(expr, (part) => {
        if (part.kind === "var") names.add(part.name);
      });
  });
  return names;
}

/** Whether `kernel` has values of four lanes. */
export function usesLanes(kernel: Kernel): boolean {
  return uses(kernel, (part) => part.type.lanes === 4);
}

/** Whether `kernel` asks which group or invocation it is. */
export function usesBuiltin(kernel: Kernel, name: BuiltinName): boolean {
  return uses(kernel, (part) => part.kind === "builtin" && part.name === name);
}
