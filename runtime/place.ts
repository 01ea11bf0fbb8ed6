/**
 * Where the temporaries of a phase lie: offsets in as few bytes as first fit finds in some order.
 *
 * Holds of a placement: two buffers that live at the same step never overlap; offsets are multiples
 * of `bufferAlignment`; buffers to be kept apart lie in different pools (a pool is one device
 * buffer, and WebGPU does not let a dispatch read and write the same one). Pure and deterministic.
 */

import { aligned } from "./backend.ts";

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

/** The orders in which buffers are placed; the one that takes least memory wins, the first of equals. */
const orders: readonly ((a: PlaceRequest, b: PlaceRequest) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.first - b.first,
  (a, b) => b.bytes * (1 + b.last - b.first) - a.bytes * (1 + a.last - a.first),
  (a, b) => b.last - b.first - (a.last - a.first) || b.bytes - a.bytes,
  (a, b) => a.first - b.first || b.bytes - a.bytes,
];

/** More buffers than this are placed in the first order only: placing must take no time. */
const mostTried = 200;

/**
 * Places `requests` one after another, each at the lowest free offset of the pool that it makes grow
 * least; `apart` are names to keep in different pools.
 */
export function place(
  requests: readonly PlaceRequest[],
  apart: readonly (readonly [string, string])[] = [],
): Placement {
  const largestLiveBytes = largestLive(requests);
  const neighbours = neighboursOf(apart);
  let best: Omit<Placement, "largestLiveBytes"> | undefined;
  for (const order of orders) {
    // Equals go by name, so that the result does not depend on the order given.
    const ordered = requests.toSorted((a, b) => order(a, b) || (a.name < b.name ? -1 : 1));
    const found = placeInOrder(ordered, neighbours);
    if (best === undefined || found.arenaBytes < best.arenaBytes) best = found;
    if (best.arenaBytes === largestLiveBytes || requests.length > mostTried) break;
  }
  return { pools: [], slots: new Map(), arenaBytes: 0, ...best, largestLiveBytes };
}

interface Placed {
  readonly offset: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

function placeInOrder(
  ordered: readonly PlaceRequest[],
  neighbours: ReadonlyMap<string, ReadonlySet<string>>,
): Omit<Placement, "largestLiveBytes"> {
  const placed: Placed[][] = [];
  const pools: number[] = [];
  const slots = new Map<string, Slot>();
  for (const request of ordered) {
    const taken = new Set(
      [...(neighbours.get(request.name) ?? [])].map((name) => slots.get(name)?.pool),
    );
    const bytes = aligned(request.bytes);
    let best = { pool: pools.length, offset: 0, growth: bytes };
    for (const [pool, size] of pools.entries()) {
      if (taken.has(pool)) continue;
      const offset = freeOffset(placed[pool] ?? [], request);
      const growth = Math.max(0, offset + bytes - size);
      if (growth < best.growth || (growth === best.growth && pool < best.pool))
        best = { pool, offset, growth };
    }
    const { pool, offset } = best;
    const items = placed[pool] ?? [];
    placed[pool] = items;
    insert(items, request, offset);
    pools[pool] = Math.max(pools[pool] ?? 0, offset + bytes);
    slots.set(request.name, { pool, offset, bytes: request.bytes });
  }
  return { pools, slots, arenaBytes: pools.reduce((sum, bytes) => sum + bytes, 0) };
}

/** The lowest offset where `request` fits; `items` are sorted by offset. */
function freeOffset(items: readonly Placed[], request: PlaceRequest): number {
  const bytes = aligned(request.bytes);
  let offset = 0;
  for (const item of items) {
    if (item.last < request.first || item.first > request.last) continue;
    if (item.offset >= offset + bytes) break;
    if (item.end > offset) offset = item.end;
  }
  return offset;
}

/** Adds `request` to `items`, which stay sorted by offset. */
function insert(items: Placed[], { first, last, bytes }: PlaceRequest, offset: number): void {
  let at = items.length;
  while (at > 0 && (items[at - 1]?.offset ?? 0) > offset) at--;
  items.splice(at, 0, { offset, end: offset + aligned(bytes), first, last });
}

function neighboursOf(
  apart: readonly (readonly [string, string])[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const neighbours = new Map<string, Set<string>>();
  const add = (name: string, other: string): void => {
    const found = neighbours.get(name) ?? new Set();
    found.add(other);
    neighbours.set(name, found);
  };
  for (const [a, b] of apart) {
    add(a, b);
    add(b, a);
  }
  return neighbours;
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
