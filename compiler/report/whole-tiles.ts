/**
 * What whole tiles cost beyond what is needed: a register tile has several rows, columns and keys, and
 * at shapes smaller than a few of them its edge is a share of the work that no schedule avoids. At the
 * sizes of real models it is nothing.
 */

import { productRoles } from "../graph/product-roles.ts";
import { type Graph, nodeAt, sizeOf, valueId } from "../graph/graph.ts";
import { roundUp } from "../kernel/counts.ts";
import { packedHeads } from "../kernel/lower/attend-rows.ts";
import type { Family } from "../kernel/target.ts";
import type { AxisName } from "../op/axis.ts";
import { asConstant, evaluateDimension } from "../op/dimension.ts";
import type { AttendOp } from "../op/op.ts";

/** What extents are rounded up to by the smallest tiles of a family's kernels. */
interface SmallestTiles {
  readonly rows: (count: number) => number;
  readonly columns: (count: number, rows: number) => number;
  readonly queries: (count: number) => number;
  readonly keys: (count: number) => number;
}

const up =
  (step: number) =>
  (count: number): number =>
    roundUp(count, step);

/** Rows past the last one are skipped on a GPU; a register has the keys and columns of a tile. */
const onGpu: SmallestTiles = {
  rows: (count) => count,
  columns: up(4),
  queries: (count) => count,
  keys: up(16),
};

const smallest: Readonly<Record<Family, SmallestTiles>> = {
  gpu: onGpu,
  // Two registers of neighbouring columns; a single row needs four of them under way.
  cpu: {
    rows: (count) => (count <= 1 ? count : up(4)(count)),
    columns: (count, rows) => up(rows === 1 && count > 16 ? 16 : 8)(count),
    queries: (count) => (count <= 1 ? count : up(count <= 4 ? 4 : 8)(count)),
    keys: up(4),
  },
  // An instruction of a tensor core takes 16 rows and 8 columns.
  cuda: { rows: up(16), columns: up(8), queries: up(16), keys: up(16) },
};

/** The operations of products and attentions of `graph` that lie in tiles but past an end. */
export function edgeFlops(
  graph: Graph,
  family: Family,
  sizes: ReadonlyMap<string, number>,
): number {
  const tiles = smallest[family];
  const extent = (axes: readonly AxisName[]): number =>
    axes.reduce((product, axis) => product * evaluateDimension(sizeOf(graph, axis), sizes), 1);
  let total = 0;
  graph.nodes.forEach(({ op, args }, index) => {
    if (op.kind === "contract") {
      const { batch, rows, columns, inner } = productRoles(graph, valueId(index));
      const [down, across] = [extent(rows), extent(columns)];
      const tiled = tiles.rows(down) * tiles.columns(across, down);
      total += 2 * extent(batch) * extent(inner) * (tiled - down * across);
    } else if (op.kind === "attend" && op.result !== "weights") {
      const [query] = args;
      const axes = query === undefined ? [] : nodeAt(graph, query).type.axes;
      total += attentionEdges(graph, op, axes, tiles, extent);
    }
  });
  return total;
}

/** Heads of a set at most, as the schedules have them. */
const mostPacked = 32;

function attentionEdges(
  graph: Graph,
  op: AttendOp,
  queryAxes: readonly AxisName[],
  tiles: SmallestTiles,
  extent: (axes: readonly AxisName[]) => number,
): number {
  const heads = extent(queryAxes.filter((axis) => axis !== op.query && axis !== op.contracted));
  const widths = [op.contracted, ...(op.result === "output" ? [op.value] : [])].map(
    (axis) => asConstant(sizeOf(graph, axis)) ?? 0,
  );
  const width = widths.reduce((sum, each) => sum + each, 0);
  const pack = packedHeads(graph, op, mostPacked);
  const rows = extent([op.query]) * pack;
  const keys = op.parts.map((part) => extent([part.axis]));
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
  const tiled = tiles.queries(rows) * sum(keys.map(tiles.keys));
  return 2 * (heads / pack) * width * (tiled - rows * sum(keys));
}
