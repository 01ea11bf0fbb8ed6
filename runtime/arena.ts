/**
 * The memory of temporaries: a few device buffers (pools) that all phases share, since they run one
 * after another.
 *
 * A phase is placed anew only when its sizes outgrow the last placement. Pools never shrink; their
 * content means nothing between phases.
 */

import { type Backend, type DeviceBuffer, type Slice, tensorBytes } from "./backend.ts";
import type { PlanKernel, PlanPhase } from "./contract.ts";
import { invariant } from "./errors.ts";
import { readWritePairs } from "./execute.ts";
import { type Placement, type PlaceRequest, place } from "./place.ts";
import { evaluateSize, type SymbolValues, symbolsOf } from "./size.ts";

interface PlacedPhase {
  readonly requests: readonly PlaceRequest[];
  readonly placement: Placement;
}

/** Where temporaries lie for some values of the symbols that their sizes depend on. */
interface Located {
  readonly values: readonly (number | undefined)[];
  readonly locate: (name: string) => Slice;
}

/** The pools on one backend, and where each phase's temporaries lie in them. */
export class Arena {
  readonly #backend: Backend;
  readonly #kernels: ReadonlyMap<string, PlanKernel>;
  readonly #placed: Map<string, PlacedPhase> = new Map();
  readonly #apart: Map<string, readonly (readonly [string, string])[]> = new Map();
  readonly #located: Map<string, Located> = new Map();
  readonly #symbols: Map<string, readonly string[]> = new Map();
  #pools: (DeviceBuffer | undefined)[] = [];

  constructor(backend: Backend, kernels: readonly PlanKernel[]) {
    this.#backend = backend;
    this.#kernels = new Map(kernels.map((each) => [each.name, each]));
  }

  /** The bytes that it holds on the device. */
  get bytes(): number {
    return this.#pools.reduce((sum, pool) => sum + (pool?.bytes ?? 0), 0);
  }

  /** How `phase` was placed last. */
  placementOf(phase: string): Placement | undefined {
    return this.#placed.get(phase)?.placement;
  }

  /**
   * Makes room for the temporaries of `phase` and says where they lie. `generous` are the sizes to
   * place for when `values` do not fit: the same, or a little ahead of sizes that grow call by
   * call.
   */
  async prepare(
    phase: PlanPhase,
    values: SymbolValues,
    generous: () => SymbolValues,
  ): Promise<(name: string) => Slice> {
    const located = this.#located.get(phase.name);
    const symbols = this.#symbolsOf(phase);
    if (located !== undefined && symbols.every((each, i) => located.values[i] === values.get(each)))
      return located.locate;
    const locate = await this.#place(phase, values, generous);
    this.#located.set(phase.name, { values: symbols.map((each) => values.get(each)), locate });
    return locate;
  }

  async #place(
    phase: PlanPhase,
    values: SymbolValues,
    generous: () => SymbolValues,
  ): Promise<(name: string) => Slice> {
    const needed = requestsFor(phase, values);
    let placed = this.#placed.get(phase.name);
    if (placed === undefined || !fits(needed, placed)) {
      const ahead = requestsFor(phase, generous());
      const requests = needed.map((request, index) => ({
        ...request,
        bytes: Math.max(request.bytes, ahead[index]?.bytes ?? 0),
      }));
      placed = { requests, placement: place(requests, this.#apartOf(phase)) };
      this.#placed.set(phase.name, placed);
    }
    await this.#grow(placed.placement.pools);
    const slices = new Map<string, Slice>();
    for (const { name, bytes } of needed) {
      const slot = placed.placement.slots.get(name);
      const buffer = slot === undefined ? undefined : this.#pools[slot.pool];
      const found = slot !== undefined && buffer !== undefined;
      invariant(found, `phase ${phase.name} has no place for ${name}`);
      slices.set(name, { buffer, offset: slot.offset, bytes });
    }
    return (name) => {
      const slice = slices.get(name);
      if (slice === undefined) invariant(false, `phase ${phase.name} has no temporary ${name}`);
      return slice;
    };
  }

  /** Frees the pools. */
  close(): void {
    for (const pool of this.#pools) if (pool !== undefined) this.#backend.free(pool);
    this.#pools = [];
    this.#placed.clear();
    this.#located.clear();
  }

  /** The symbols that the sizes of the temporaries depend on. */
  #symbolsOf(phase: PlanPhase): readonly string[] {
    const found = this.#symbols.get(phase.name) ?? [
      ...new Set(phase.buffers.flatMap(({ size }) => [...symbolsOf(size)])),
    ];
    this.#symbols.set(phase.name, found);
    return found;
  }

  async #grow(wanted: readonly number[]): Promise<void> {
    for (const [index, bytes] of wanted.entries()) {
      const old = this.#pools[index];
      if (old !== undefined && old.bytes >= bytes) continue;
      // Freed first: nothing in it is needed, and both at once may not fit.
      if (old !== undefined) this.#backend.free(old);
      this.#pools[index] = undefined;
      this.#located.clear();
      this.#pools[index] = await this.#backend.allocate(bytes, "temporaries");
    }
  }

  #apartOf(phase: PlanPhase): readonly (readonly [string, string])[] {
    if (!this.#backend.separatesReadsFromWrites) return [];
    const found = this.#apart.get(phase.name) ?? readWritePairs(phase, this.#kernels);
    this.#apart.set(phase.name, found);
    return found;
  }
}

function requestsFor(phase: PlanPhase, values: SymbolValues): readonly PlaceRequest[] {
  return phase.buffers.map(({ name, element, size, first, last }) => ({
    name,
    bytes: tensorBytes(evaluateSize(size, values), element),
    first,
    last,
  }));
}

function fits(needed: readonly PlaceRequest[], placed: PlacedPhase): boolean {
  return needed.every(({ bytes }, index) => bytes <= (placed.requests[index]?.bytes ?? 0));
}

/** The rows to place temporaries for: a little ahead, so that single steps do not place anew. */
export function ahead(past: number): number {
  return (Math.floor(past / 256) + 1) * 256;
}
