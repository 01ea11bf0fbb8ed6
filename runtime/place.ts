/**
 * Where the temporaries of a phase lie: offsets in as few bytes as first fit finds.
 *
 * Holds of a placement: two buffers that live at the same step never overlap; offsets are multiples
 * of `bufferAlignment`; buffers to be kept apart lie in different pools (a pool is one device
 * buffer, and WebGPU does not let a dispatch read and write the same one). Pure and deterministic.
 */

import { bufferAlignment } from "./backend.ts";

/** A buffer to place: it lives from step `first` to step `last`, both included. */
export interface PlaceRequest {
  readonly name: string;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Where one buffer lies. */
export interface Slot {
  readonly pool: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Where all buffers lie, and what that costs. */
export interface Placement {
  /** The bytes of each pool. */
  readonly pools: readonly number[];
  readonly slots: ReadonlyMap<string, Slot>;
  /** The bytes of all pools. */
  readonly arenaBytes: number;
  /** The most bytes that live at one step: no placement takes less. */
  readonly largestLiveBytes: number;
}

/**
 * Places `requests`, largest first, each at the lowest free offset; `apart` are names to keep in
 * different pools.
 */
export function place(
  requests: readonly PlaceRequest[],
  apart: readonly (readonly [string, string])[] = [],
): Placement {
  // Equal sizes go by time, then by name, so that the result does not depend on the order given.
  const ordered = requests.toSorted(
    (a, b) => b.bytes - a.bytes || a.first - b.first || (a.name < b.name ? -1 : 1),
  );
  const poolOf = assignPools(ordered, apart);
  const placed: Placed[][] = [];
  const slots = new Map<string, Slot>();
  for (const request of ordered) {
    const pool = poolOf.get(request.name) ?? 0;
    while (placed.length <= pool) placed.push([]);
    const offset = insert(placed[pool] ?? [], request);
    slots.set(request.name, { pool, offset, bytes: request.bytes });
  }
  const pools = placed.map((items) => items.reduce((most, item) => Math.max(most, item.end), 0));
  return {
    pools,
    slots,
    arenaBytes: pools.reduce((sum, bytes) => sum + bytes, 0),
    largestLiveBytes: largestLive(requests),
  };
}

interface Placed {
  readonly offset: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

/** Puts `request` at the lowest offset where it fits; `items` are sorted by offset and stay so. */
function insert(items: Placed[], request: PlaceRequest): number {
  const bytes = aligned(request.bytes);
  let offset = 0;
  for (const item of items) {
    if (item.last < request.first || item.first > request.last) continue;
    if (item.offset >= offset + bytes) break;
    if (item.end > offset) offset = item.end;
  }
  const { first, last } = request;
  let at = items.length;
  while (at > 0 && (items[at - 1]?.offset ?? 0) > offset) at--;
  items.splice(at, 0, { offset, end: offset + bytes, first, last });
  return offset;
}

/**
 * Colours the buffers so that no two that are to be kept apart have one colour: first free colour,
 * in order.
 */
function assignPools(
  ordered: readonly PlaceRequest[],
  apart: readonly (readonly [string, string])[],
): ReadonlyMap<string, number> {
  const neighbours = new Map<string, Set<string>>();
  for (const [a, b] of apart) {
    neighboursOf(a).add(b);
    neighboursOf(b).add(a);
  }
  const colours = new Map<string, number>();
  for (const { name } of ordered) {
    const taken = new Set([...neighboursOf(name)].map((other) => colours.get(other)));
    let colour = 0;
    while (taken.has(colour)) colour++;
    colours.set(name, colour);
  }
  return colours;

  function neighboursOf(name: string): Set<string> {
    const found = neighbours.get(name) ?? new Set();
    neighbours.set(name, found);
    return found;
  }
}

function largestLive(requests: readonly PlaceRequest[]): number {
  const changes = requests.flatMap(({ first, last, bytes }) => [
    { step: first, bytes: aligned(bytes) },
    { step: last + 1, bytes: -aligned(bytes) },
  ]);
  // What ends before a step leaves room for what begins at it.
  changes.sort((a, b) => a.step - b.step || a.bytes - b.bytes);
  let live = 0;
  let most = 0;
  for (const change of changes) {
    live += change.bytes;
    most = Math.max(most, live);
  }
  return most;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / bufferAlignment) * bufferAlignment;
}
