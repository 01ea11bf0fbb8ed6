/**
 * Our own definitions of functions (see `kernel/passes/legalize/functions.ts`) as functions of the
 * printed language, one for each kind of argument that a kernel has.
 */

import { variable } from "../kernel/build.ts";
import type { CallFunction, Kernel, KernelType } from "../kernel/kernel.ts";
import { type Expansion, expansionOf, isOurs } from "../kernel/passes/legalize/functions.ts";
import { uses } from "./names.ts";

/** A function to print before the kernel: `name(x)` of `type` gives `type`. */
export interface Helper extends Expansion {
  readonly name: string;
  readonly type: KernelType;
}

/** What a call of `fn` on `type` is called, or nothing if the language's own function is meant. */
export function helperName(fn: CallFunction, type: KernelType): string | undefined {
  if (!isOurs(fn)) return undefined;
  return `precise_${fn}${type.lanes === 4 ? "4" : ""}`;
}

/** The functions that `kernel` calls, in the order of its first calls. */
export function helpersOf(kernel: Kernel): readonly Helper[] {
  const found = new Map<string, Helper>();
  uses(kernel, (part) => {
    if (part.kind !== "call") return false;
    const name = helperName(part.fn, part.type);
    if (name === undefined || found.has(name)) return false;
    const expansion = expansionOf(part.fn, variable("x", part.type));
    if (expansion !== undefined) found.set(name, { name, type: part.type, ...expansion });
    return false;
  });
  return [...found.values()];
}
