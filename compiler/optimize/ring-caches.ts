/** Caches forget the rows that a mask hides from every later row. */

import { type Graph, nodeAt, sizeOf, type ValueId, valueId } from "../graph/graph.ts";
import { rowsRise } from "../graph/rising-rows.ts";
import { reachOf } from "../mask/index.ts";
import { type Dimension, equalDimensions, symbolsOf } from "../op/dimension.ts";
import { attendArguments, type AttendOp } from "../op/op.ts";
import type { TensorType } from "../op/type.ts";
import type { Growth } from "../phase/growth.ts";
import type { Phase, Ring, State } from "../phase/phase.ts";

/** Rows that one call appends at most where caches forget; longer prompts come in several calls. */
export const defaultBlock = 512;

/** `extend` and its states, with rings. */
interface Ringed {
  readonly extend: Phase;
  readonly states: readonly State[];
}

/**
 * Makes rings of the caches of keys and values of which every attention that reads them sees the last
 * rows only, with room for `block` new rows beside those.
 *
 * Sound because positions rise by one at least from row to row: what is `window` rows or more before
 * a row is as many positions before it, where `reachOf` proves that it is hidden. Positions and token
 * data stay whole: they are what tiles are classified by, and a thousandth of the bytes.
 */
export function ringCaches(
  extend: Phase,
  states: readonly State[],
  growth: Growth,
  block: number,
): Ringed {
  if (!comesInBlocks(extend, states, growth)) return { extend, states };
  const rings = new Map<string, Ring>();
  for (const [state, window] of windowsOf(extend.graph))
    if (window !== undefined) rings.set(state, { window, slots: window - 1 + block });
  if (rings.size === 0) return { extend, states };
  const nodes = extend.graph.nodes.map((node) => {
    const ring = node.op.kind === "append" ? rings.get(node.op.state) : undefined;
    if (node.op.kind !== "append" || ring === undefined) return node;
    return { ...node, op: { ...node.op, ring: ring.slots } };
  });
  return {
    extend: { ...extend, graph: { ...extend.graph, nodes } },
    states: states.map((state) => {
      const ring = rings.get(state.name);
      return ring === undefined ? state : { ...state, ring };
    }),
  };
}

/** Whether the new rows of a call may come in several: all that grows comes row by row. */
function comesInBlocks({ graph, reads }: Phase, states: readonly State[], growth: Growth): boolean {
  const sizes = ({ axes }: TensorType): readonly Dimension[] =>
    axes.map((axis) => sizeOf(graph, axis));
  const grows = (size: Dimension): boolean =>
    [...symbolsOf(size)].some((symbol) => growth.symbols.has(symbol));
  const rows = [...growth.rows].flatMap((axis) => {
    const size = graph.axes.get(axis)?.size;
    return size === undefined ? [] : [size];
  });
  const isRows = (size: Dimension): boolean => rows.some((each) => equalDimensions(each, size));
  const given = graph.inputs.every(({ type }) => {
    const growing = sizes(type).filter(grows);
    return growing.length <= 1 && growing.every(isRows);
  });
  const held = states.filter(({ name }) => reads.includes(name));
  return given && held.every(({ type }) => type.axes.every((axis) => !growth.axes.has(axis)));
}

/** By the caches that attentions read keys or values from: how many rows back any of them sees. */
function windowsOf(graph: Graph): ReadonlyMap<string, number | undefined> {
  const windows = new Map<string, number | undefined>();
  const known = new Map<string, number | undefined>();
  const put = (state: string, window: number | undefined): void => {
    const before = windows.get(state);
    const either = before === undefined || window === undefined;
    const most = either ? undefined : Math.max(before, window);
    windows.set(state, windows.has(state) ? most : window);
  };
  for (const { op, args } of graph.nodes) {
    const seen = op.kind === "attend" ? keptRows(op, args) : new Set<ValueId>();
    for (const arg of args) {
      const { op: source } = nodeAt(graph, arg);
      // Whoever else reads a cache may read all of it.
      if (source.kind === "append" && !seen.has(arg)) put(source.state, undefined);
    }
    if (op.kind !== "attend") continue;
    for (const [index, part] of attendArguments(op, args).parts.entries()) {
      const window = reachOfPart(graph, op, args, index, known);
      for (const value of [part.key, part.value]) {
        const { op: source } = nodeAt(graph, value);
        if (source.kind === "append") put(source.state, window);
      }
    }
  }
  for (const { value } of graph.outputs) {
    const { op } = nodeAt(graph, value);
    if (op.kind === "append") windows.set(op.state, undefined);
  }
  return windows;
}

/** The keys and values of an attention; whatever is a position or data besides is none. */
function keptRows(op: AttendOp, args: readonly ValueId[]): ReadonlySet<ValueId> {
  const roles = attendArguments(op, args);
  const other = new Set([
    roles.query,
    roles.queryPosition,
    ...roles.parts.flatMap(({ position, data }) => [position, ...data.values()]),
    ...roles.data.values(),
  ]);
  const kept = roles.parts.flatMap(({ key, value }) => [key, value]);
  return new Set(kept.filter((value) => !other.has(value)));
}

/** How far back in its cache a part's queries see, if that is bounded. */
function reachOfPart(
  graph: Graph,
  op: AttendOp,
  args: readonly ValueId[],
  index: number,
  known: Map<string, number | undefined>,
): number | undefined {
  const [part, roles] = [op.parts[index], attendArguments(op, args)];
  const position = roles.parts[index]?.position;
  if (part === undefined || position === undefined) return undefined;
  // Distances in rows are bounded by those in positions only between rows of one cache.
  if (!isRowsOf(graph, roles.queryPosition, position)) return undefined;
  if (!rowsRise(graph, part.axis, position, part.segment)) return undefined;
  const facts = {
    shared: true,
    ...(op.querySegment === undefined ? {} : { querySegment: op.querySegment }),
    ...(part.segment === undefined ? {} : { keySegment: part.segment }),
  };
  const key = JSON.stringify([part.mask, facts]);
  const reach = known.has(key) ? known.get(key) : reachOf(part.mask, facts);
  known.set(key, reach);
  // A row's own slot is there in any case.
  return reach === undefined ? undefined : Math.max(reach, 1);
}

/** Whether `value` is rows of the cache `cache`, or what it was given. */
function isRowsOf(graph: Graph, value: ValueId, cache: ValueId): boolean {
  const { op, args } = nodeAt(graph, cache);
  if (op.kind !== "append") return false;
  for (let id = value; ; ) {
    if (id === cache || id === args[0]) return true;
    const node = nodeAt(graph, id);
    const [source] = node.args;
    if (node.op.kind !== "slice" || source === undefined) return false;
    id = valueId(source);
  }
}
