/** The target of a device that was chosen, and `--math`. */

import { type Command, Option } from "commander";
import type { ChosenBackend } from "../../runtime/choose.ts";
import { deviceTarget } from "../kernel/architectures.ts";
import type { WarpMath } from "../kernel/kernel.ts";
import { type Target, targets } from "../kernel/target.ts";
import { UsageError } from "./usage-error.ts";

/** What the option gives. */
export interface MathOption {
  /** What products are computed in on CUDA; `f32` if absent. */
  readonly math?: WarpMath;
}

const names: readonly WarpMath[] = ["f32", "tf32", "f16", "bf16"];

/** The option, for `where`. */
export function mathOption(where: string): Option {
  const what = "what products are computed in; all but f32 use tensor cores";
  return new Option("--math <name>", `${where}: ${what}`).choices(names);
}

/** Adds the option to a verb that runs models. */
export function withMath(command: Command): Command {
  return command.addOption(mathOption("on CUDA"));
}

/** The target for a device; `UsageError` where it has no choice of arithmetic. */
export function targetOf(chosen: ChosenBackend, { math }: MathOption): Target {
  if (chosen.cuda !== undefined) return deviceTarget(chosen.cuda, math ?? "f32");
  if (math !== undefined && math !== "f32") {
    const message = `--math ${math} is for CUDA, not for ${chosen.kind}`;
    throw new UsageError(message, "add `--backend cuda`, or leave `--math` out");
  }
  return targets[chosen.software ? "software" : chosen.target];
}
