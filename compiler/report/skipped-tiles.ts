/** The work of attention that masks save tile by tile, with the tiles of the kernels that are chosen. */

import { type Graph, nodeAt, type ValueId, valueId } from "../graph/graph.ts";
import { queryTile } from "../kernel/lower/attend-rows.ts";
import { generalSchedule, type Schedule } from "../kernel/lower/schedule.ts";
import type { Target } from "../kernel/target.ts";
import { scheduleChoices } from "../kernel/schedule/choose.ts";
import type { Facts } from "../mask/index.ts";
import { evaluateDimension } from "../op/dimension.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import { showPredicate } from "../op/show-predicate.ts";
import { ofOneSequence } from "../phase/attend-cells.ts";
import { tablesOf } from "./mask-picture.ts";
import type { RowNumbers } from "./row-numbers.ts";
import { countTiles, type Grid, type SideRows, type TileCount } from "./tile-grid.ts";

/** What tiles of one attention are skipped, and the work that saves over all heads. */
export interface SkippedWork extends TileCount {
  readonly flops: number;
}

/**
 * By attention of `graph`: the tiles that its kernel skips for these rows; `scheduleOf` are schedules
 * of kernels that were made, in place of those that shapes and target give.
 */
export function skippedWork(
  graph: Graph,
  target: Target,
  rows: RowNumbers,
  sizes: ReadonlyMap<string, number>,
  scheduleOf: (id: ValueId) => Schedule | undefined = () => undefined,
): ReadonlyMap<ValueId, SkippedWork> {
  return skippedIn(graph, rows, (id, op) =>
    queryTile(graph, op, scheduleOf(id) ?? scheduleFor(graph, id, target, sizes)),
  );
}

/** The operations of the pairs that masks hide, whatever the tiles. */
export function hiddenFlops(graph: Graph, rows: RowNumbers): number {
  const found = skippedIn(graph, rows, () => ({ queries: 1, keys: 1 }));
  return [...found.values()].reduce((sum, { flops }) => sum + flops, 0);
}

function skippedIn(
  graph: Graph,
  rows: RowNumbers,
  tileFor: (id: ValueId, op: AttendOp) => Grid["tile"],
): ReadonlyMap<ValueId, SkippedWork> {
  const found = new Map<ValueId, SkippedWork>();
  const known = new Map<string, TileCount>();
  graph.nodes.forEach(({ op, args, type }, index) => {
    // Probabilities are computed for all keys.
    if (op.kind !== "attend" || op.result === "weights") return;
    const id = valueId(index);
    const tile = tileFor(id, op);
    const counts = gridsOf(graph, op, args, rows, tile).map(({ key, grid }) => {
      const count = known.get(key) ?? countTiles(grid());
      known.set(key, count);
      return count;
    });
    const width = [op.contracted, op.value].reduce((sum, axis) => sum + rows.extent(axis), 0);
    const outer = type.axes.filter((axis) => axis !== op.query && axis !== op.value);
    const heads = outer.reduce((product, axis) => product * rows.extent(axis), 1);
    const total = counts.reduce(addCounts, { tiles: 0, skipped: 0, whole: 0, skippedPairs: 0 });
    found.set(id, { ...total, flops: 2 * heads * width * total.skippedPairs });
  });
  return found;
}

function addCounts(a: TileCount, b: TileCount): TileCount {
  return {
    tiles: a.tiles + b.tiles,
    skipped: a.skipped + b.skipped,
    whole: a.whole + b.whole,
    skippedPairs: a.skippedPairs + b.skippedPairs,
  };
}

/** The schedule that the plan chooses for the attention `id` and these sizes. */
export function scheduleFor(
  graph: Graph,
  id: ValueId,
  target: Target,
  sizes: ReadonlyMap<string, number>,
): Schedule {
  const store = { value: id, target: { kind: "value", value: id }, rows: [] } as const;
  const region = { kind: "attend", root: id, result: id, store, reason: "" } as const;
  const choices = scheduleChoices(graph, (size) => size, region, target);
  const chosen = choices.find(
    ({ when }) => when === undefined || evaluateDimension(when.size, sizes) <= when.atMost,
  );
  return chosen?.schedule ?? generalSchedule(target);
}

/** The grid of each part of an attention; equal keys have equal counts. */
function gridsOf(
  graph: Graph,
  op: AttendOp,
  args: readonly ValueId[],
  rows: RowNumbers,
  tile: Grid["tile"],
): readonly { readonly key: string; readonly grid: () => Grid }[] {
  const roles = attendArguments(op, args);
  return op.parts.map((part, index) => {
    const role = roles.parts[index];
    const facts: Facts = {
      shared: ofOneSequence(graph, op.query, part.axis),
      ...(op.querySegment === undefined ? {} : { querySegment: op.querySegment }),
      ...(part.segment === undefined ? {} : { keySegment: part.segment }),
    };
    const side = (
      axis: string,
      position: ValueId | undefined,
      data: ReadonlyMap<number, ValueId>,
    ): SideRows => ({
      count: rows.extent(axis),
      positions: (position === undefined ? undefined : along(graph, rows, position)) ?? [],
      data: new Map(
        [...data].flatMap(([each, id]) => {
          const values = along(graph, rows, id);
          return values === undefined ? [] : [[each, values] as const];
        }),
      ),
    });
    return {
      key: JSON.stringify([
        op.query,
        part.axis,
        facts,
        showPredicate(part.mask),
        [roles.queryPosition, ...roles.data],
        [role?.position, ...(role?.data ?? [])],
        tile,
      ]),
      grid: () => ({
        mask: part.mask,
        facts,
        queries: side(op.query, roles.queryPosition, roles.data),
        keys: side(part.axis, role?.position, role?.data ?? new Map()),
        tables: tablesOf(graph, rows, op, roles.data),
        tile,
      }),
    };
  });
}

/** The numbers of a value with one axis; undefined where it has others or is not known. */
function along(graph: Graph, rows: RowNumbers, id: ValueId): Float64Array | undefined {
  return nodeAt(graph, id).type.axes.length === 1 ? rows.of(id)?.data : undefined;
}
