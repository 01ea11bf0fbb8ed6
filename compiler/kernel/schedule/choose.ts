/**
 * Which schedules a region is compiled for. Products and attentions over a run-time number of rows
 * get a second kernel for a single row, the decode step, which would leave most of a tile unused.
 */

import type { Region } from "../../fusion/region.ts";
import { type Graph, nodeAt, sizeOf } from "../../graph/graph.ts";
import { asConstant, type Dimension, productOf } from "../../op/dimension.ts";
import { groupedAxis, productRoles } from "../lower/roles.ts";
import { generalSchedule, type Schedule } from "../lower/schedule.ts";
import type { Target } from "../target.ts";

/** A schedule and the sizes it is for; without a condition it serves all that are left. */
export interface ScheduleChoice {
  readonly schedule: Schedule;
  readonly when?: { readonly size: Dimension; readonly atMost: number };
  /** Set apart from the general kernel by this ending of its name. */
  readonly suffix: string;
}

/** A tile of so few rows wastes less on a single one than a second kernel costs. */
const worthOneKernel = 2;

/** Heads that a task of a single query takes together: more would leave threads without a task. */
const packedQueries = 4;

/**
 * The schedules of a region for `target`, the most special first; `dimension` says what its kernel
 * calls a size.
 */
export function scheduleChoices(
  graph: Graph,
  dimension: (size: Dimension) => Dimension,
  region: Region,
  target: Target,
): readonly ScheduleChoice[] {
  const schedule = generalSchedule(target);
  const single = { ...schedule, rows: 1, queries: packedQueries, singleQuery: true };
  const rows = rowCount(graph, dimension, region);
  const tile = region.kind === "contract" ? schedule.rows : schedule.queries;
  if (rows === undefined || tile === 1) return [{ schedule, suffix: "" }];
  const constantRows = asConstant(rows);
  if (constantRows === 1) return [{ schedule: single, suffix: "" }];
  if (constantRows !== undefined || tile <= worthOneKernel) return [{ schedule, suffix: "" }];
  return [
    { schedule: single, when: { size: rows, atMost: 1 }, suffix: "_row" },
    { schedule, suffix: "" },
  ];
}

/** The rows of a product (axes of the left operand only) or the query rows of an attention. */
function rowCount(
  graph: Graph,
  dimension: (size: Dimension) => Dimension,
  region: Region,
): Dimension | undefined {
  const node = nodeAt(graph, region.root);
  if (region.kind === "attend" && node.op.kind === "attend")
    return dimension(sizeOf(graph, node.op.query));
  if (region.kind !== "contract") return undefined;
  const grouped = groupedAxis(graph, region.root);
  const rows = grouped === undefined ? productRoles(graph, region.root).rows : [grouped];
  return productOf(rows.map((axis) => dimension(sizeOf(graph, axis))));
}
