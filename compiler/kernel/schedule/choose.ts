/**
 * Which schedules a region is compiled for. Products and attentions over a run-time number of rows
 * get a second kernel for a single row, the decode step, which would leave most of a tile unused; an
 * attention on a GPU for a few rows, and on tensor cores for as many as one instruction takes.
 */

import type { Region } from "../../fusion/region.ts";
import { type Graph, nodeAt, sizeOf } from "../../graph/graph.ts";
import { asConstant, type Dimension, productOf } from "../../op/dimension.ts";
import { groupedAxis, productRoles } from "../../graph/product-roles.ts";
import type { AxisName } from "../../op/axis.ts";
import { packedHeads } from "../lower/attend-rows.ts";
import { generalSchedule, type Schedule } from "../lower/schedule.ts";
import { productChoices, type ProductShape, type ScheduleChoice } from "./choose-product.ts";
import type { Target } from "../target.ts";

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
  const rows = rowCount(graph, dimension, region);
  if (rows === undefined) return [{ schedule, suffix: "" }];
  const plain = region.kind === "contract" && groupedAxis(graph, region.root) === undefined;
  if (plain && target.family === "gpu") {
    return productChoices(schedule, rows, productShape(graph, dimension, region));
  }
  if (target.math !== undefined) {
    return warpChoices(schedule, rows, region.kind === "contract" ? warpRows : fewForWarps);
  }
  // A second pipeline would take longer to compile than rows that are not there take to compute.
  const inRegisters = target.family === "gpu" && target.groupMemory === 0;
  if (region.kind === "attend" && inRegisters) {
    const queries = heldQueries(graph, dimension, region, schedule);
    return [{ schedule: { ...schedule, queries, invocations: heldTasks }, suffix: "" }];
  }
  const single = { ...schedule, rows: 1, queries: packedQueries, singleQuery: true };
  const tile = region.kind === "contract" ? schedule.rows : schedule.queries;
  if (tile === 1) return [{ schedule, suffix: "" }];
  const constantRows = asConstant(rows);
  const isGrouped = region.kind === "contract" && !plain;
  const most = isGrouped ? fewGrouped : target.family === "gpu" ? fewQueries : 1;
  if (constantRows !== undefined && constantRows <= most) return [{ schedule: single, suffix: "" }];
  if (constantRows !== undefined || tile <= worthOneKernel) return [{ schedule, suffix: "" }];
  return [
    {
      schedule: single,
      when: { size: rows, atMost: most },
      suffix: most > 1 ? "_few_rows" : "_row",
    },
    { schedule, suffix: "" },
  ];
}

/** Elements of queries and outputs that an invocation holds: 4 KiB of the stack of a thread a lane. */
const heldElements = 1024;

/** Tasks of a group: threads take whole groups, and under most masks later rows see more keys. */
const heldTasks = 32;

/**
 * Packed query rows of a task that holds their queries and outputs in registers: one of narrow heads,
 * else at most those that there are, and no more than an eighth of the elements of a row.
 */
function heldQueries(
  graph: Graph,
  dimension: (size: Dimension) => Dimension,
  region: Region,
  schedule: Schedule,
): number {
  const { op } = nodeAt(graph, region.root);
  if (op.kind !== "attend") return schedule.queries;
  const extent = (axis: AxisName): Dimension => dimension(sizeOf(graph, axis));
  const [depth = 1, width = 1] = [op.contracted, op.value].map((axis) => asConstant(extent(axis)));
  if (depth + width <= (schedule.target.narrowHead ?? 0)) return 1;
  const fits = (rows: number): boolean =>
    rows * (depth + width) <= heldElements && 8 * rows <= Math.max(depth, width);
  let queries = schedule.queries;
  while (queries > 1 && !fits(queries)) queries /= 2;
  const rows = asConstant(extent(op.query));
  return rows === undefined ? queries : Math.min(queries, rows * packedHeads(graph, op, queries));
}

/**
 * Query rows that have a group each whose invocations split the keys, on a GPU: a tile of so few would
 * leave most of a group without a row, and one group would walk all keys (drafts and trees of tokens).
 */
const fewQueries = 8;

/** Sorted rows of a few tokens mostly chose a matrix each: a tile of them computes all rows for each. */
const fewGrouped = 8;

/** Rows that an instruction of a tensor core takes at once. */
const warpRows = 16;

/** Query rows that leave multiprocessors without a task unless warps split the keys. */
const fewForWarps = 64;

/** Rows are few up to `most` of them. */
function warpChoices(schedule: Schedule, rows: Dimension, most: number): readonly ScheduleChoice[] {
  const few = { ...schedule, fewRows: true };
  const count = asConstant(rows);
  if (count !== undefined && count > most) return [{ schedule, suffix: "" }];
  if (count !== undefined) return [{ schedule: few, suffix: "" }];
  return [
    { schedule: few, when: { size: rows, atMost: most }, suffix: "_few_rows" },
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

/** What decides how a product is computed, besides its rows. */
function productShape(
  graph: Graph,
  dimension: (size: Dimension) => Dimension,
  region: Region,
): ProductShape {
  const { columns, inner } = productRoles(graph, region.root);
  const count = (axes: readonly string[]): number | undefined =>
    asConstant(productOf(axes.map((axis) => dimension(sizeOf(graph, axis)))));
  return { columns: count(columns), inner: count(inner) };
}
