/** Which indices of a kernel are multiples of a number. */

import type { Expr, Kernel } from "../kernel/kernel.ts";
import { isMultiple } from "../kernel/multiples.ts";
import { visitBody } from "../kernel/rewrite.ts";

/** Says whether an index of a kernel is a multiple of a number, whatever the sizes. */
export function multiplesIn(kernel: Kernel): (index: Expr, of: number) => boolean {
  const factors = new Map(kernel.scalars.map((name, at) => [name, kernel.factors?.[at] ?? 1]));
  const values = new Map<string, readonly Expr[]>();
  visitBody(kernel.body, (each) => {
    if (each.kind === "let") values.set(each.name, [each.value]);
    if (each.kind === "for") values.set(each.variable, [each.from, each.step]);
  });
  const variable = (name: string, of: number): boolean =>
    values.get(name)?.every((each) => isMultiple(each, of, variable)) ??
    (factors.get(name) ?? 1) % of === 0;
  return (index, of) => isMultiple(index, of, variable);
}
