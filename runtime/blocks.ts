/**
 * New rows in several calls, where caches take only so many at once.
 *
 * Holds: an input grows along one axis at most, whose size is the rows themselves; the compiler makes
 * rings of no other model's caches.
 */

import { growingSymbols } from "./cache-basis.ts";
import type { Plan, PlanInput } from "./contract.ts";
import type { Inputs } from "./inputs.ts";
import { elementCount, floats, type HostTensor, integers } from "./tensor.ts";

/** `given` cut into calls of at most `most` new rows each, in order; what does not grow comes with each. */
export function blocksOf(plan: Plan, given: Inputs, most: number): readonly Inputs[] {
  const growing = growingSymbols(plan);
  const cuts = plan.inputs.flatMap((input) => {
    const tensor = given[input.name];
    const axis = growingAxis(input, growing);
    return tensor === undefined || axis < 0 ? [] : [{ name: input.name, tensor, axis }];
  });
  const rows = Math.max(0, ...cuts.map(({ tensor, axis }) => tensor.shape[axis] ?? 0));
  if (rows <= most) return [given];
  return Array.from({ length: Math.ceil(rows / most) }, (_, block) => {
    const cut = cuts.map(({ name, tensor, axis }) => {
      const from = block * most;
      return [name, rowsOf(tensor, axis, from, from + most)] as const;
    });
    return { ...given, ...Object.fromEntries(cut) };
  });
}

function growingAxis({ axes }: PlanInput, growing: ReadonlySet<string>): number {
  return axes.findIndex(({ size }) => typeof size === "string" && growing.has(size));
}

/** The rows `from … to` of `tensor` along an axis, as many of them as there are. */
function rowsOf({ shape, element, data }: HostTensor, axis: number, from: number, to: number) {
  const rows = shape[axis] ?? 0;
  const inner = elementCount(shape.slice(axis + 1));
  const outer = elementCount(shape.slice(0, axis));
  const end = Math.min(to, rows);
  const kept = Array.from({ length: outer }, (_, index) => {
    const start = index * rows * inner;
    return Array.from(data.subarray(start + from * inner, start + end * inner));
  }).flat();
  const size = shape.map((each, index) => (index === axis ? Math.max(0, end - from) : each));
  return element === "f32" ? floats(kept, size) : integers(kept, size);
}
