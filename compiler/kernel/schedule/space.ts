/**
 * The schedules that a kernel may have besides the one that is chosen from shapes and target alone. A
 * tuner times them on a device; here is which of them are legal. All compute the same values; some add
 * numbers up in another order.
 */

import type { Region } from "../../fusion/region.ts";
import { type Kernel, type Statement, warpSize } from "../kernel.ts";
import { throughMemory } from "../passes/across.ts";
import type { Schedule } from "../lower/schedule.ts";
import { blocksOf } from "../rewrite.ts";
import type { Target } from "../target.ts";
import type { ScheduleChoice } from "./choose-product.ts";

/** Counts changes of what a schedule's numbers mean: schedules of another space are stale. */
export const spaceVersion = 1;

/** The counts that a tuner may change of a schedule. */
export const tunableCounts = [
  "invocations",
  "rows",
  "columns",
  "panel",
  "taskRows",
  "rowPanels",
  "queries",
  "keys",
] as const;

/** What a tuner may change of a schedule. */
export type Tunable = (typeof tunableCounts)[number] | "product" | "fewRows";

/** All of it. */
export const tunable: readonly Tunable[] = [...tunableCounts, "product", "fewRows"];

/** Some of a schedule, in place of what it has by default. */
export type Variation = Partial<Pick<Schedule, Tunable>>;

/** A schedule with a variation. */
export function varied(schedule: Schedule, variation: Variation): Schedule {
  return { ...schedule, ...variation };
}

/** The legal variations of a schedule of such a region, without the schedule itself. */
export function variationsOf(
  kind: Region["kind"],
  { schedule, suffix }: Pick<ScheduleChoice, "schedule" | "suffix">,
): readonly Variation[] {
  const { family } = schedule.target;
  const found =
    family === "cpu"
      ? onCpu(kind, schedule)
      : schedule.target.math !== undefined && (kind === "contract" || kind === "attend")
        ? onWarps(suffix)
        : onGpu(kind, schedule);
  return found.filter((each) => !changesNothing(schedule, each));
}

function changesNothing(schedule: Schedule, variation: Variation): boolean {
  return tunable.every((key) => {
    const [now, before] = [variation[key], schedule[key] ?? false];
    return now === undefined || now === before;
  });
}

function onCpu(kind: Region["kind"], schedule: Schedule): readonly Variation[] {
  switch (kind) {
    case "contract":
      // A kernel for a single row keeps its row: what varies is how many columns it takes at once.
      if (schedule.singleQuery) return [1, 2, 4, 6].map((rowPanels) => ({ rowPanels }));
      return [
        ...[16, 32, 64, 128].map((taskRows) => ({ taskRows })),
        ...[2, 4].flatMap((rows) => [16, 32, 64, 128].map((panel) => ({ rows, panel }))),
      ];
    case "attend":
      if (schedule.singleQuery) return [16, 32, 64, 128].map((keys) => ({ keys }));
      return [16, 32, 64].flatMap((queries) => [16, 32, 64].map((keys) => ({ queries, keys })));
    case "map":
    case "reduce":
    case "rows":
    case "scan":
      return [];
  }
}

function onGpu(kind: Region["kind"], schedule: Schedule): readonly Variation[] {
  const groups = [32, 64, 128, 256].map((invocations) => ({ invocations }));
  switch (kind) {
    case "contract":
      return productsOnGpu(schedule);
    case "attend":
      if (schedule.target.groupMemory === 0)
        return [1, 2, 4, 8].flatMap((queries) => [16, 32, 64].map((keys) => ({ queries, keys })));
      // Keys lie one to an invocation; else rows do.
      if (schedule.singleQuery) return [32, 64, 128].map((invocations) => ({ invocations }));
      return [32, 64, 128].flatMap((queries) =>
        [8, 16, 32].map((keys) => ({ queries, invocations: queries, keys })),
      );
    case "map":
    case "reduce":
    case "rows":
    case "scan":
      return groups;
  }
}

/** Register tiles of other sizes; where the default shares group memory, tiles in place of it, too. */
function productsOnGpu(schedule: Schedule): readonly Variation[] {
  const shapes = schedule.rows === 1 ? [1] : [2, 4, 8];
  const tiles = shapes.flatMap((rows) =>
    [32, 64, 128].flatMap((invocations) =>
      [4, 16].map((panel) => ({ product: "registers" as const, rows, invocations, panel })),
    ),
  );
  if (schedule.product === "registers") return tiles;
  const shared = schedule.product === "reduce" ? [64, 128, 256] : [];
  return [...shared.map((invocations) => ({ invocations })), ...tiles];
}

/** Where warps multiply, blocks follow from their budgets; what varies is for how many rows. */
function onWarps(suffix: string): readonly Variation[] {
  return suffix === "" ? [{ fewRows: true }, { fewRows: false }] : [{ fewRows: false }];
}

/** What a kernel takes of its target: bytes of group memory, registers of an invocation in tiles. */
interface Budget {
  readonly invocations: number;
  readonly groupMemory: number;
  readonly registers: number;
}

/**
 * Whether a kernel keeps to what its target has. Tiles may fill as many registers as those of the
 * default kernel do where that is more: what spills there spills here.
 */
export function fitsBudgets(kernel: Kernel, usual: Kernel, target: Target): boolean {
  const [own, least] = [budgetOf(kernel), budgetOf(usual)];
  return (
    own.invocations <= target.invocations &&
    own.groupMemory <= Math.max(target.groupMemory, least.groupMemory) &&
    own.registers <= Math.max(target.registers, least.registers)
  );
}

function budgetOf(kernel: Kernel): Budget {
  const { arrays, workgroupSize, body, tiles } = throughMemory(kernel);
  const bytes = arrays.reduce(
    (sum, { element, length }) => sum + length * (element === "f32" || element === "i32" ? 4 : 2),
    0,
  );
  const held = mostHeld(body) / (tiles === "warp" ? warpSize : 1);
  return { invocations: workgroupSize, groupMemory: bytes, registers: held };
}

/** The most elements of tiles that live at one time. */
function mostHeld(body: readonly Statement[]): number {
  let [held, most] = [0, 0];
  for (const statement of body) {
    if (statement.kind === "tile") held += statement.rows * statement.columns;
    const inside = blocksOf(statement).map(mostHeld);
    most = Math.max(most, held + Math.max(0, ...inside));
  }
  return most;
}
