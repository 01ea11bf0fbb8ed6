/**
 * What phases leave for each other on the device: values, and caches whose rows grow.
 *
 * Holds: a value has a version that changes whenever it is computed, and the symbols it was
 * computed for; all caches hold the same number of rows (`past`), which lie first in their memory,
 * or as a ring where only the last are read.
 */

import { type Backend, elementBytes, type Slice, tensorBytes, wholeOf } from "./backend.ts";
import type { Plan, PlanPhase, PlanRing, PlanState, Size } from "./contract.ts";
import { BraidError, invariant } from "./errors.ts";
import { PagedCaches } from "./paged-caches.ts";
import { evaluateSize, type SymbolValues } from "./size.ts";

interface StoredState {
  /** Where it lies; the same object as long as it stays there. */
  readonly slice: Slice;
  /** Undefined while there is memory but no content. */
  version: number | undefined;
  symbols: SymbolValues;
}

/** The states of one session. */
export class StateStore {
  readonly #backend: Backend;
  readonly #plan: Plan;
  readonly #declared: ReadonlyMap<string, PlanState>;
  readonly #stored: Map<string, StoredState> = new Map();
  readonly #rowSizes: Map<string, readonly Size[]> = new Map();
  #versions: number = 0;
  /** The version that no cache is older than: that of the last rows of `append`. */
  #appended: number = 0;
  #past: number = 0;
  /** The most rows that the caches have held since they were empty: what rings forgot follows. */
  #reached: number = 0;
  #reserved: number = 0;
  #basis: string | undefined;
  /** Where caches lie if they lie in pages. */
  readonly #paged: PagedCaches | undefined;

  constructor(backend: Backend, plan: Plan) {
    this.#backend = backend;
    this.#plan = plan;
    this.#declared = new Map(plan.states.map((state) => [state.name, state]));
    this.#paged = plan.pages === undefined ? undefined : new PagedCaches(backend, plan.pages);
  }

  /** The rows that the caches hold. */
  get past(): number {
    return this.#paged?.past ?? this.#past;
  }

  /** Conversations that share rows; throws `session/pages` where caches are not in pages. */
  get conversations(): PagedCaches {
    const { model, phases } = this.#plan;
    if (phases.some(({ kind }) => kind === "prompt")) {
      const message = `${model} computes things of its prompt as a whole, which only one text has`;
      throw new BraidError("session/pages", message, { hint: "open a session for each text" });
    }
    if (this.#paged !== undefined) return this.#paged;
    throw new BraidError("session/pages", `the caches of ${model} are not in pages`, {
      hint: "compile it with `--paged 16`",
    });
  }

  /** What the cached rows of the conversation that runs were computed for, beside those before. */
  get basis(): string | undefined {
    return this.#paged === undefined ? this.#basis : this.#paged.basis;
  }

  set basis(basis: string | undefined) {
    if (this.#paged === undefined) this.#basis = basis;
    else this.#paged.basis = basis;
  }

  /** The bytes that states take on the device. */
  get bytes(): number {
    const slices = [...this.#stored.values()].map(({ slice }) => slice);
    return [...slices, ...(this.#paged?.slices ?? [])].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Lets caches have room for `rows` when they are next made or grown. */
  reserve(rows: number): void {
    this.#reserved = Math.max(this.#reserved, rows);
  }

  /** The most rows that one call of `phase` may append; more come in several calls. */
  block(phase: PlanPhase): number {
    const rings = phase.writes.flatMap((name) => this.declaration(name).ring ?? []);
    return Math.min(Number.POSITIVE_INFINITY, ...rings.map(blockOf));
  }

  /** Whether the caches can be cut to `rows` rows: rings still hold what the next row reads. */
  canTruncate(rows: number): boolean {
    if (rows === 0 || rows === this.past) return true;
    const rings = this.#plan.states.flatMap(({ ring }) => ring ?? []);
    return rings.every(({ slots, window }) => rows - (window - 1) >= this.#reached - slots);
  }

  /** Forgets all cached rows but the first `rows`. */
  truncate(rows: number): void {
    if (!Number.isInteger(rows) || rows < 0 || rows > this.past) {
      const message = `the caches cannot be cut to ${rows} rows: they hold ${this.past}`;
      throw new BraidError("session/truncate", message, { hint: "keep at most what is there" });
    }
    if (!this.canTruncate(rows)) {
      const message = `the caches cannot be cut to ${rows} rows: they hold the last ones only`;
      throw new BraidError("session/truncate", message, {
        hint: "call `reset()` and give the whole prompt again",
      });
    }
    this.#hold(rows);
    if (rows === 0) this.#reached = 0;
  }

  #hold(rows: number): void {
    if (this.#paged === undefined) this.#past = rows;
    else this.#paged.past = rows;
  }

  /** The declaration of the state `name`. */
  declaration(name: string): PlanState {
    const state = this.#declared.get(name);
    if (state === undefined) invariant(false, `no state is called ${name}`);
    return state;
  }

  /**
   * The version of a state, or undefined before it was computed. Equal versions mean equal content.
   */
  version(name: string): number | undefined {
    const version = this.#stored.get(name)?.version;
    if (version === undefined || this.declaration(name).kind !== "cache") return version;
    return Math.max(version, this.#appended);
  }

  /**
   * The symbols for which the values that `phase` reads were computed. Throws `session/order` if
   * one is missing.
   */
  inherited(phase: PlanPhase): SymbolValues {
    const values = new Map<string, number>();
    for (const name of phase.reads) {
      const { kind, phase: maker } = this.declaration(name);
      if (kind === "cache") continue;
      const stored = this.#stored.get(name);
      if (stored?.version === undefined) throw outOfOrder(phase.name, name, maker);
      for (const [symbol, value] of stored.symbols) {
        const other = values.get(symbol) ?? value;
        invariant(
          other === value,
          `phase ${phase.name} reads states for ${symbol} ${other} and ${value}`,
        );
        values.set(symbol, value);
      }
    }
    return values;
  }

  /** Where the state `name` lies; it must exist. */
  slice(name: string): Slice {
    const slice = this.#paged?.slice(name) ?? this.#stored.get(name)?.slice;
    if (slice === undefined) invariant(false, `the state ${name} has no memory yet`);
    return slice;
  }

  /**
   * Makes room for what `phase` writes: values of exactly their size, caches of enough capacity,
   * with the rows they hold. Values count as not computed until `commit`.
   */
  async prepare(phase: PlanPhase, values: SymbolValues): Promise<void> {
    if (this.#paged !== undefined && appends(phase)) await this.#preparePages(phase, values);
    for (const name of phase.writes) {
      const state = this.declaration(name);
      if (state.kind === "cache" && this.#paged !== undefined) continue;
      // Most calls find room, and waiting for nothing takes its time, too.
      if (state.kind === "cache" && this.#hasRoom(state, values)) continue;
      if (state.kind === "cache") await this.#extendCache(state, values);
      else await this.#makeValue(state, values);
    }
  }

  /** Says that `phase` has run for these sizes: what it wrote is there. */
  commit(phase: PlanPhase, values: SymbolValues): void {
    let symbols: SymbolValues | undefined;
    for (const name of phase.writes) {
      if (this.#paged?.slice(name) !== undefined) continue;
      const stored = this.#stored.get(name);
      if (stored === undefined) invariant(false, `the state ${name} was not prepared`);
      this.#versions++;
      stored.version = this.#versions;
      if (this.declaration(name).kind === "cache") continue;
      symbols ??= lasting(values, this.#plan);
      stored.symbols = symbols;
    }
    if (appends(phase)) this.#hold(this.#rowsAfter(phase, values));
    this.#reached = Math.max(this.#reached, this.#past);
  }

  /** As `commit`, for a phase for which there is `room` and which has appended so many rows. */
  append(rows: number): void {
    this.#appended = ++this.#versions;
    this.#past += rows;
    this.#reached = Math.max(this.#reached, this.#past);
  }

  /** Frees everything. */
  close(): void {
    for (const { slice } of this.#stored.values()) this.#backend.free(slice.buffer);
    this.#stored.clear();
    this.#paged?.close();
    this.#past = 0;
    this.#reached = 0;
  }

  async #makeValue(state: PlanState, values: SymbolValues): Promise<void> {
    const sizes = state.axes.map(({ size }) => evaluateSize(size, values));
    const elements = sizes.reduce((product, size) => product * size, 1);
    const bytes = tensorBytes(elements, state.element);
    const old = this.#stored.get(state.name);
    this.#stored.delete(state.name);
    let slice = old?.slice;
    if (slice !== undefined && slice.bytes !== bytes) {
      this.#backend.free(slice.buffer);
      slice = undefined;
    }
    slice ??= wholeOf(await this.#backend.allocate(bytes, `state ${state.name}`));
    this.#stored.set(state.name, { slice, version: undefined, symbols: new Map() });
  }

  async #preparePages(phase: PlanPhase, values: SymbolValues): Promise<void> {
    const caches = phase.writes.flatMap((name) => {
      const state = this.declaration(name);
      if (state.kind !== "cache") return [];
      const rest = state.axes.slice(1).map(({ size }) => evaluateSize(size, values));
      const rowBytes = rest.reduce((all, size) => all * size, elementBytes[state.element]);
      return [{ state, rowBytes }];
    });
    await this.#paged?.prepare(caches, this.#rowsAfter(phase, values), this.#reserved);
  }

  /** Whether a cache holds the rows that it is to have. */
  #hasRoom({ name, element, axes, ring }: PlanState, values: SymbolValues): boolean {
    const stored = this.#stored.get(name);
    let bytes = elementBytes[element];
    // Rows come first.
    let most = ring?.slots ?? Number.POSITIVE_INFINITY;
    for (const { size } of axes) {
      bytes *= Math.min(evaluateSize(size, values), most);
      most = Number.POSITIVE_INFINITY;
    }
    return stored !== undefined && stored.slice.bytes >= bytes;
  }

  async #extendCache(state: PlanState, values: SymbolValues): Promise<void> {
    const [after = 0, ...rest] = state.axes.map(({ size }) => evaluateSize(size, values));
    const { ring } = state;
    const most = ring?.slots ?? Number.POSITIVE_INFINITY;
    const rows = Math.min(after, most);
    const rowElements = rest.reduce((product, size) => product * size, 1);
    const rowBytes = rowElements * elementBytes[state.element];
    const old = this.#stored.get(state.name)?.slice;
    const doubled = old === undefined ? 0 : 2 * Math.floor(old.bytes / rowBytes);
    const capacity = Math.min(Math.max(rows, doubled, this.#reserved), most);
    const bytes = tensorBytes(capacity * rowElements, state.element);
    const slice = wholeOf(await this.#backend.allocate(bytes, `cache ${state.name}`));
    // Memory that grows has never been full: every row lies in the slot of its own number.
    const held = Math.ceil((this.#past * rowBytes) / 4) * 4;
    if (old !== undefined && held > 0) {
      const label = `grow ${state.name}`;
      const copy = { kind: "copy", label, from: old, to: slice, bytes: held, toOffset: 0 } as const;
      await this.#backend.run([copy]);
    }
    if (old !== undefined) this.#backend.free(old.buffer);
    this.#stored.set(state.name, { slice, version: undefined, symbols: new Map() });
  }

  /**
   * How many rows the caches of `phase` have room for; undefined where more than their number decides
   * where rows lie, or where `phase` writes values besides.
   */
  room(phase: PlanPhase, values: SymbolValues): number | undefined {
    if (this.#paged !== undefined) return undefined;
    let room = Number.POSITIVE_INFINITY;
    for (const state of phase.writes.map((name) => this.declaration(name))) {
      if (state.kind !== "cache" || state.ring !== undefined) return undefined;
      const rest = state.axes.slice(1).map(({ size }) => evaluateSize(size, values));
      const rowBytes = rest.reduce((all, size) => all * size, elementBytes[state.element]);
      room = Math.min(room, Math.floor(this.slice(state.name).bytes / rowBytes));
    }
    return room;
  }

  /** The rows of the caches that `phase` extends, which must agree. */
  #rowsAfter(phase: PlanPhase, values: SymbolValues): number {
    const sizes = this.#rowSizes.get(phase.name) ?? this.#rowSizesOf(phase);
    const rows = sizes.map((size) => evaluateSize(size, values));
    const [first = this.past] = rows;
    if (rows.some((each) => each !== first))
      invariant(false, `caches of ${phase.name} hold ${rows} rows`);
    return first;
  }

  /** The different sizes that the caches of `phase` have along their rows. */
  #rowSizesOf(phase: PlanPhase): readonly Size[] {
    const found = new Map<string, Size>();
    for (const { name, kind, axes } of phase.writes.map((each) => this.declaration(each))) {
      if (kind !== "cache") continue;
      const size = axes[0]?.size;
      invariant(size !== undefined, `the cache ${name} has no row axis`);
      found.set(JSON.stringify(size), size);
    }
    const sizes = [...found.values()];
    this.#rowSizes.set(phase.name, sizes);
    return sizes;
  }
}

/** How many rows a call may append: those before the last row that it reads stay. */
function blockOf({ slots, window }: PlanRing): number {
  return slots - window + 1;
}

/** The values that later phases may rely on: `past` is another number by then. */
function lasting(values: SymbolValues, plan: Plan): SymbolValues {
  const past = plan.symbols.filter(({ source }) => source.kind === "past");
  return new Map([...values].filter(([name]) => past.every((symbol) => symbol.name !== name)));
}

/** Whether `phase` appends rows to caches, and so is never a repetition. */
export function appends({ kind }: PlanPhase): boolean {
  return kind === "prompt" || kind === "extend";
}

function outOfOrder(phase: string, state: string, maker: string): BraidError {
  const message = `phase \`${phase}\` reads \`${state}\`, which \`${maker}\` has not computed`;
  return new BraidError("session/order", message, { hint: `run \`${maker}\` first` });
}
