/** `--schedules`: the file of `braid tune` that kernels take their schedules from. */

import { existsSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { type CheckedModel, type Compiled, compileFor } from "../compile.ts";
import type { Target } from "../kernel/target.ts";
import type { LoweringOptions } from "../plan/kernels.ts";
import type { PreparedPhase } from "../plan/prepare.ts";
import {
  type Mistake,
  readSchedules,
  type ScheduleFile,
  targetName,
  TunedSchedules,
} from "../plan/schedule-file.ts";
import { say } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

/** What the option gives. */
export interface SchedulesOption {
  readonly schedules?: string;
}

/** Adds the option. */
export function withSchedules(command: Command): Command {
  return command.option(
    "--schedules <file>",
    "take the schedules that `braid tune` found, where it found any",
  );
}

/** The file that was named, read and checked; undefined if none was. */
export function schedulesOf({ schedules }: SchedulesOption): NamedSchedules | undefined {
  if (schedules === undefined) return undefined;
  if (!existsSync(schedules))
    throw new UsageError(`there is no file ${schedules}`, "make it with `braid tune`");
  const read = readSchedules(readFileSync(schedules, "utf8"));
  if (read.kind === "mistake") throw refused(schedules, read);
  return { path: schedules, file: read.file };
}

/** A file of schedules, and what the user calls it. */
export interface NamedSchedules {
  readonly path: string;
  readonly file: ScheduleFile;
}

/**
 * `compileFor`, with the schedules of `named` where they are for `target`; `made` is called with each
 * kernel as soon as it is lowered.
 */
export function compileTuned(
  model: CheckedModel,
  target: Target,
  prepared: readonly PreparedPhase[],
  named: NamedSchedules | undefined,
  made?: LoweringOptions["made"],
): Compiled {
  if (named === undefined || targetName(target) !== named.file.target)
    return compileFor(model, target, prepared, { made });
  const { path, file } = named;
  const tuned = new TunedSchedules(file);
  const compiled = compileFor(model, target, prepared, { choose: tuned.choose, made });
  if (tuned.mistake !== undefined) throw refused(path, tuned.mistake);
  const [first, ...others] = tuned.unused;
  if (first !== undefined) {
    const more = others.length === 0 ? "" : ` and ${others.length} more`;
    say(
      `warning[schedules/unknown]: ${path} has a schedule for ${first.kernel}${first.variant}${more}, which ${model.graph.name} does not have\n  = hint: tune again if the model has changed`,
    );
  }
  return compiled;
}

/** Throws where a file was named and is for none of the targets that are compiled for. */
export function expectTarget(named: NamedSchedules | undefined, targets: readonly Target[]): void {
  if (named === undefined) return;
  const { target, device } = named.file;
  const names = targets.map(targetName);
  if (names.includes(target)) return;
  throw refused(named.path, {
    kind: "mistake",
    code: "schedules/target",
    message: `it is for ${target} (${device}), not for ${names.join(" or ")}`,
    hint: "tune for this device, or leave `--schedules` out",
  });
}

function refused(path: string, { code, message, hint }: Mistake): UsageError {
  return new UsageError(`${path}: ${message}`, hint, code);
}
