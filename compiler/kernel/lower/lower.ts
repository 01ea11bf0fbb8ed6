/** Region → kernel: the one place that knows all lowerings. */

import { unreachable } from "../../../grammar/invariant.ts";
import { type Region, sourceKey } from "../../fusion/region.ts";
import { commonFactor } from "../../op/dimension.ts";
import { lowerAttend } from "./attend.ts";
import { lowerAttendCpu } from "./attend-cpu.ts";
import { lowerAttendGpu } from "./attend-gpu.ts";
import { lowerAttendSingle } from "./attend-gpu-single.ts";
import { warpAttend, warpAttendFits } from "./attend-warps.ts";
import { withoutUnread } from "./bound.ts";
import { throughMemory } from "../passes/across.ts";
import { Context, type Setting } from "./context.ts";
import { lowerContract } from "./contract.ts";
import { lowerMap } from "./map.ts";
import { lowerReduce } from "./reduce.ts";
import { lowerRows } from "./rows.ts";
import { lowerScan } from "./scan.ts";
import type { Lowered, Schedule } from "./schedule.ts";

/**
 * Makes the kernels of a region, one for each schedule. All take the same buffers and scalars in the
 * same order, so that the plan can choose between them when sizes are known; what one of them does
 * not use it has all the same.
 */
export function lowerRegion(
  setting: Setting,
  region: Region,
  choices: readonly Schedule[],
): readonly Lowered[] {
  const made = lowerAll(setting, region, choices);
  if (made.length === 1) return made.map(({ lowered }) => withFactors(lowered));
  const sizes = made.flatMap(({ lowered }) => lowered.scalars);
  const bindings = made.flatMap(({ lowered }) => lowered.bindings);
  return made.map(({ context, lowered }) => {
    const all = context.complete(sizes, bindings);
    const buffers = all.bindings.map(({ parameter }) => parameter);
    const scalars = all.scalars.map(({ name }) => name);
    const kernel = { ...lowered.kernel, buffers, scalars };
    const wanted = all.scalars.map(({ size }) => size);
    return withFactors({ ...lowered, kernel, bindings: all.bindings, scalars: wanted });
  });
}

/** The kernel with what divides its scalars: an index that one is added to may be aligned. */
function withFactors(lowered: Lowered): Lowered {
  const factors = lowered.scalars.map(commonFactor);
  return { ...lowered, kernel: { ...lowered.kernel, factors } };
}

interface Made {
  readonly context: Context;
  readonly lowered: Lowered;
}

/**
 * Lowers each choice. An attention whose keys are split binds one buffer more, and goes without where
 * a kernel may not have so many.
 */
function lowerAll(setting: Setting, region: Region, choices: readonly Schedule[]): readonly Made[] {
  const made = choices.map((schedule) => {
    const context = new Context(setting);
    return {
      context,
      lowered: withoutUnread(forFamily(lower(context, region, schedule), schedule)),
    };
  });
  const [first] = choices;
  const isSplit = made.some(({ lowered }) => lowered.combine !== undefined);
  if (first === undefined || !isSplit) return made;
  const bound = new Set(
    made.flatMap(({ lowered }) => lowered.bindings.map(({ source }) => sourceKey(source))),
  );
  if (bound.size <= first.target.bindings) return made;
  const whole = { ...first.target, splitKeys: Number.POSITIVE_INFINITY };
  return lowerAll(
    setting,
    region,
    choices.map((schedule) => ({ ...schedule, target: whole })),
  );
}

/** Only WebGPU leaves it to the device how numbers are taken across invocations. */
function forFamily(lowered: Lowered, { target }: Schedule): Lowered {
  if (target.family === "gpu") return lowered;
  return { ...lowered, kernel: throughMemory(lowered.kernel) };
}

function lower(context: Context, region: Region, schedule: Schedule): Lowered {
  switch (region.kind) {
    case "map":
      return lowerMap(context, region, schedule);
    case "reduce":
      return lowerReduce(context, region, schedule);
    case "rows":
      return lowerRows(context, region, schedule);
    case "contract":
      return lowerContract(context, region, schedule);
    case "attend":
      if (schedule.target.family === "cpu") return lowerAttendCpu(context, region, schedule);
      if (warpAttendFits(context, region, schedule)) return warpAttend(context, region, schedule);
      if (schedule.target.family === "cuda" || schedule.target.groupMemory === 0)
        return lowerAttend(context, region, schedule);
      return schedule.singleQuery
        ? lowerAttendSingle(context, region, schedule)
        : lowerAttendGpu(context, region, schedule);
    case "scan":
      return lowerScan(context, region, schedule);
    default:
      return unreachable(region.kind);
  }
}
