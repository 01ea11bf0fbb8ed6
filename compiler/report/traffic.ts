/**
 * The bytes that the kernels of a phase move to and from memory: what each reads and writes, once a
 * kernel; caches of the device hide what it reads again. Of a table that is only looked up in, the rows
 * looked up count. What groups that split an attention's keys leave for each other is not counted: some
 * rows of outputs, while the cache that they split is long.
 */

import { type BufferSource, makesItsResult, type Region, resultsOf } from "../fusion/region.ts";
import { isMemory } from "../fusion/users.ts";
import { type Graph, nodeAt, sizeOf, type ValueId } from "../graph/graph.ts";
import { productRoles } from "../graph/product-roles.ts";
import { evaluateDimension, productOf } from "../op/dimension.ts";
import { sourceOf } from "../kernel/lower/read.ts";
import type { StoredElements } from "../plan/elements.ts";
import type { PreparedPhase } from "../plan/prepare.ts";
import { elementBytes } from "./element-bytes.ts";

/** Bytes of one call of a phase. */
export interface Traffic {
  readonly moved: number;
  /** The same with each weight and each cache once in the call. */
  readonly least: number;
  /** What products read of weights that products of other values of the same rows have read. */
  readonly again: number;
}

/** The traffic of one call of a phase for these sizes. */
export function trafficOf(
  { phase: { name: phase, graph }, regions, stored }: PreparedPhase,
  sizes: ReadonlyMap<string, number>,
  storage: StoredElements,
): Traffic {
  const elements = (id: ValueId): number => {
    const axes = nodeAt(graph, id).type.axes.map((axis) => sizeOf(graph, axis));
    return evaluateDimension(productOf(axes), sizes);
  };
  /** The bytes of an element of the memory `source`, which has the type of `id`. */
  const bytesAt = (source: BufferSource | undefined, id: ValueId): number => {
    const isFloat = nodeAt(graph, id).type.element === "float";
    return elementBytes[isFloat && source !== undefined ? storage.of(phase, source) : "i32"];
  };
  let moved = 0;
  let least = 0;
  const lasting = new Map<string, number>();
  const multiplied = new Map<string, readonly number[]>();
  for (const { region } of regions) {
    const written = resultsOf(region).reduce(
      (sum, { result, store }) => sum + elements(result) * bytesAt(store.target, result),
      0,
    );
    // What has no elements has no groups, and is not called.
    if (written === 0) continue;
    moved += written;
    least += written;
    for (const [id, shown] of readsOf(graph, stored, region)) {
      const lies = sourceOf({ graph, stored: (value) => stored.has(value) }, id);
      const each = bytesAt(lies, id);
      const count = [...shown].reduce((sum, rows) => sum + elements(rows) * each, 0);
      const { op } = nodeAt(graph, id);
      const name =
        op.kind === "weight" || op.kind === "state"
          ? op.name
          : op.kind === "append"
            ? op.state
            : undefined;
      moved += count;
      if (name === undefined) least += count;
      else lasting.set(name, Math.max(count, lasting.get(name) ?? 0));
      if (op.kind === "weight" && region.kind === "contract") {
        const key = [op.name, ...productRoles(graph, region.root).rows].join(" ");
        multiplied.set(key, [...(multiplied.get(key) ?? []), count]);
      }
    }
  }
  for (const count of lasting.values()) least += count;
  const again = [...multiplied.values()].reduce(
    (sum, counts) => sum + counts.reduce((a, b) => a + b, 0) - Math.max(...counts),
    0,
  );
  return { moved, least, again };
}

/** By value that a region reads from memory: itself, or the rows of it that are looked up. */
function readsOf(
  graph: Graph,
  stored: ReadonlySet<ValueId>,
  region: Region,
): ReadonlyMap<ValueId, ReadonlySet<ValueId>> {
  const found = new Map<ValueId, Set<ValueId>>();
  const seen = new Set<ValueId>();
  const lies = (id: ValueId): boolean => stored.has(id) || isMemory(nodeAt(graph, id).op);
  const read = (id: ValueId, by: ValueId): void => {
    if (!lies(id)) {
      visit(id);
      return;
    }
    const { op, args } = nodeAt(graph, by);
    const shown = op.kind === "select" && args[0] === id ? by : id;
    found.set(id, new Set([...(found.get(id) ?? []), shown]));
  };
  const visit = (id: ValueId): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const arg of nodeAt(graph, id).args) read(arg, id);
  };
  for (const each of resultsOf(region)) {
    if (makesItsResult(each)) visit(each.result);
    else read(each.result, each.result);
  }
  // A value that is read as a whole is not looked up in besides.
  return new Map(
    [...found].map(([id, shown]) => [id, shown.has(id) ? new Set([id]) : shown] as const),
  );
}
