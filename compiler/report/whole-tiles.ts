/**
 * What whole tiles cost beyond what is needed: a register tile has several rows, columns and keys, and
 * at shapes smaller than a few of them its edge is a share of the work that no schedule avoids. At the
 * sizes of real models it is nothing.
 */

import { groupedAxis, type ProductRoles, productRoles } from "../graph/product-roles.ts";
import { type Graph, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import { roundUp } from "../kernel/counts.ts";
import { keyTile } from "../kernel/lower/attend-cpu-task.ts";
import { mostPacked, packedHeads } from "../kernel/lower/attend-rows.ts";
import { panelWidth } from "../kernel/lower/packing.ts";
import { generalSchedule, type Schedule } from "../kernel/lower/schedule.ts";
import { attendBlock, warpRows } from "../kernel/schedule/attend-blocks.ts";
import { fewColumns, largestBlock } from "../kernel/schedule/blocks.ts";
import { type Family, type Target, targets } from "../kernel/target.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, evaluateDimension } from "../op/dimension.ts";
import type { AttendOp } from "../op/op.ts";
import { scheduleFor } from "./skipped-tiles.ts";

/** What extents are rounded up to by the tiles of a family's kernels. */
interface WholeTiles {
  readonly rows: (count: number) => number;
  readonly columns: (count: number, rows: number) => number;
  /** Columns for which the rows of a block are summed again, where those sums are whole blocks, too. */
  readonly sums?: number;
  /** Packed query rows, and keys; as their schedule has them if absent. */
  readonly queries?: (count: number) => number;
  readonly keys?: (count: number) => number;
}

const up =
  (step: number) =>
  (count: number): number =>
    roundUp(count, step);

const tilesOf: Readonly<Record<Family, WholeTiles>> = {
  // Rows past the last one are skipped; a register has the keys and columns of a tile.
  gpu: {
    rows: (count) => count,
    columns: up(4),
    queries: (count) => count,
    keys: up(generalSchedule(targets.gpu).keys),
  },
  // A single row needs two panels of columns under way.
  cpu: {
    rows: (count) => (count <= 1 ? count : up(generalSchedule(targets.cpu).rows)(count)),
    columns: (count, rows) =>
      up(rows === 1 && count > 2 * panelWidth ? 2 * panelWidth : panelWidth)(count),
    queries: (count) => (count <= 1 ? count : up(count <= 4 ? 4 : 8)(count)),
    keys: up(keyTile),
  },
  // Warps compute whole blocks. How large one is, is a matter of registers: here it is the largest.
  cuda: {
    rows: (count) => up(count <= warpRows ? warpRows : largestBlock.rows)(count),
    columns: up(largestBlock.columns),
    sums: fewColumns,
  },
};

/** The operations of products and attentions of `graph` that lie in tiles but past an end. */
export function edgeFlops(
  graph: Graph,
  target: Target,
  sizes: ReadonlyMap<string, number>,
): number {
  const tiles = tilesOf[target.family];
  const extent = (axes: readonly AxisName[]): number =>
    axes.reduce((product, axis) => product * evaluateDimension(sizeOf(graph, axis), sizes), 1);
  let total = 0;
  graph.nodes.forEach(({ op, args }, index) => {
    if (op.kind === "contract") {
      const { batch, rows, columns, inner } = rolesOf(graph, valueId(index));
      const [down, across] = [extent(rows), extent(columns)];
      const tiled = tiles.rows(down) * tiles.columns(across, down);
      const sums = tiles.sums === undefined ? 0 : tiles.rows(down) * Math.ceil(across / tiles.sums);
      total += extent(batch) * extent(inner) * (2 * (tiled - down * across) + sums);
    } else if (op.kind === "attend" && op.result !== "weights") {
      const [query] = args;
      const axes = query === undefined ? [] : nodeAt(graph, query).type.axes;
      const schedule = scheduleFor(graph, valueId(index), target, sizes);
      total += attentionEdges(graph, op, axes, schedule, extent);
    }
  });
  return total;
}

/** The roles of a product's axes; the rows that chose their matrix are rows, not a batch. */
function rolesOf(graph: Graph, id: ValueId): ProductRoles {
  const roles = productRoles(graph, id);
  const grouped = groupedAxis(graph, id);
  return grouped === undefined ? roles : { ...roles, batch: [], rows: [grouped] };
}

function attentionEdges(
  graph: Graph,
  op: AttendOp,
  queryAxes: readonly AxisName[],
  schedule: Schedule,
  extent: (axes: readonly AxisName[]) => number,
): number {
  const heads = extent(queryAxes.filter((axis) => axis !== op.query && axis !== op.contracted));
  const [depth = 0, width = 0] = [op.contracted, op.value].map((axis) =>
    asConstant(sizeOf(graph, axis)),
  );
  const pack = packedHeads(graph, op, mostPacked(schedule, depth));
  const block = attendBlock({ depth, width, parts: op.parts.length }, schedule);
  const { queries = up(block.rows), keys = up(block.keys) } = tilesOf[schedule.target.family];
  const rows = extent([op.query]) * pack;
  const counts = op.parts.map((part) => extent([part.axis]));
  const sum = (each: readonly number[]): number => each.reduce((a, b) => a + b, 0);
  const added = queries(rows) * sum(counts.map(keys)) - rows * sum(counts);
  return 2 * (heads / pack) * (op.result === "output" ? depth + width : depth) * added;
}
