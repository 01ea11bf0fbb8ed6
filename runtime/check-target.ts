/**
 * Whether a device can run a plan: its kernels are for that kind of device, and it has the floats
 * that they load and store.
 */

import type { Backend } from "./backend.ts";
import type { Plan } from "./contract.ts";
import { BraidError } from "./errors.ts";

/** Throws `session/target` or `session/precision` where `backend` cannot run `plan`. */
export function checkTarget(plan: Plan, backend: Backend): void {
  checkElements(plan, backend);
  if (plan.target === backend.target) return;
  const message = `${plan.model} was compiled for ${plan.target}`;
  const runs = `${backend.description} runs ${backend.target} kernels`;
  throw new BraidError("session/target", `${message}, but ${runs}`, {
    hint: `build it for ${backend.target}, or choose another backend`,
  });
}

function checkElements(plan: Plan, { halves, description }: Backend): void {
  const elements = new Set(
    plan.kernels.flatMap(({ buffers }) => buffers.map((each) => each.element)),
  );
  for (const element of elements) {
    if (element === "f32" || element === "i32" || halves.includes(element)) continue;
    const message = `${plan.model} stores ${element}, which ${description} does not have`;
    const other = halves.length === 0 ? "" : ` or ${halves.join(" or ")}`;
    throw new BraidError("session/precision", message, {
      hint: `use \`--precision f32\`${other}, or another backend`,
    });
  }
}
