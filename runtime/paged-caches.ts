/**
 * Caches in pages: memory that conversations share, and the table that kernels find rows by.
 *
 * Holds: row r of a conversation lies in page `pages[r / rows]`, in its place there, in every cache;
 * what is written lies in pages that no other conversation has.
 */

import { type Backend, type Command, type Slice, tensorBytes, wholeOf } from "./backend.ts";
import { pageTable, type PlanState } from "./contract.ts";
import { BraidError, invariant } from "./errors.ts";
import { Pages } from "./pages.ts";

/** One conversation: its rows and where they lie. */
interface Branch {
  past: number;
  readonly pages: number[];
  /** What its rows were computed for, beside those before them. */
  basis: string | undefined;
}

/** Conversations of one session, by number; the first is 0. */
export interface Conversations {
  /** The one that runs. */
  readonly current: number;
  /** A new conversation that has the rows of the one that runs, and shares their memory. */
  fork(): number;
  /** Goes on with another conversation. */
  use(conversation: number): void;
  /** Forgets a conversation, which must not be the one that runs. */
  drop(conversation: number): void;
}

/** A cache and the bytes of one of its rows. */
export interface PagedCache {
  readonly state: PlanState;
  readonly rowBytes: number;
}

/** The caches of one session. */
export class PagedCaches implements Conversations {
  readonly #backend: Backend;
  readonly #pages: Pages;
  readonly #branches: Map<number, Branch> = new Map([[0, empty()]]);
  readonly #memory: Map<string, Slice> = new Map();
  #current: number = 0;
  #next: number = 1;
  #table: Slice | undefined;
  /** The pages that the table on the device has. */
  #written: readonly number[] = [];

  constructor(backend: Backend, rows: number) {
    this.#backend = backend;
    this.#pages = new Pages(rows);
  }

  get current(): number {
    return this.#current;
  }

  /** The rows that it has. */
  get past(): number {
    return this.#branch.past;
  }

  set past(rows: number) {
    this.#branch.past = rows;
    const kept = Math.ceil(rows / this.#pages.rows);
    this.#pages.release(this.#branch.pages.splice(kept));
  }

  /** What those rows were computed for, beside those before them. */
  get basis(): string | undefined {
    return this.#branch.basis;
  }

  set basis(basis: string | undefined) {
    this.#branch.basis = basis;
  }

  /** The memory in use. */
  get slices(): readonly Slice[] {
    return [...this.#memory.values(), ...(this.#table === undefined ? [] : [this.#table])];
  }

  fork(): number {
    const { past, pages, basis } = this.#branch;
    this.#pages.share(pages);
    this.#branches.set(this.#next, { past, pages: [...pages], basis });
    return this.#next++;
  }

  use(branch: number): void {
    this.#find(branch);
    this.#current = branch;
  }

  drop(branch: number): void {
    const { pages } = this.#find(branch);
    if (branch === this.#current) {
      throw new BraidError("session/branch", `conversation ${branch} is the one that runs`, {
        hint: "`use` another one first",
      });
    }
    this.#pages.release(pages);
    this.#branches.delete(branch);
  }

  /** Where a cache, or the table, lies. */
  slice(name: string): Slice | undefined {
    return name === pageTable ? this.#table : this.#memory.get(name);
  }

  /** Makes room for `after` rows in `caches`; `reserved` rows have room once one has to grow. */
  async prepare(caches: readonly PagedCache[], after: number, reserved: number): Promise<void> {
    const { rows } = this.#pages;
    const branch = this.#branch;
    const moved: (readonly [number, number])[] = [];
    const open = Math.floor(branch.past / rows);
    const shared = branch.past % rows === 0 ? undefined : branch.pages[open];
    if (shared !== undefined && this.#pages.isShared(shared)) {
      const own = this.#pages.take();
      this.#pages.release([shared]);
      branch.pages[open] = own;
      moved.push([shared, own]);
    }
    while (branch.pages.length * rows < after) branch.pages.push(this.#pages.take());
    for (const cache of caches) {
      await this.#grow(cache, Math.ceil(reserved / rows));
      for (const [from, to] of moved) await this.#copyPage(cache, from, to);
    }
    await this.#writeTable();
  }

  /** Frees everything. */
  close(): void {
    for (const { buffer } of this.slices) this.#backend.free(buffer);
    this.#memory.clear();
    this.#table = undefined;
    this.#written = [];
    for (const [number, { pages }] of this.#branches) {
      this.#pages.release(pages);
      this.#branches.set(number, empty());
    }
  }

  get #branch(): Branch {
    return this.#find(this.#current);
  }

  #find(branch: number): Branch {
    const found = this.#branches.get(branch);
    if (found !== undefined) return found;
    const known = [...this.#branches.keys()].join(", ");
    throw new BraidError("session/branch", `there is no conversation ${branch}`, {
      hint: `there are ${known}`,
    });
  }

  async #grow({ state: { name }, rowBytes }: PagedCache, reserved: number): Promise<void> {
    const pageBytes = this.#pages.rows * rowBytes;
    const old = this.#memory.get(name);
    const held = old === undefined ? 0 : Math.floor(old.bytes / pageBytes);
    if (old !== undefined && held >= this.#pages.count) return;
    const pages = Math.max(this.#pages.count, 2 * held, reserved);
    const bytes = tensorBytes((pages * pageBytes) / 4);
    const slice = wholeOf(await this.#backend.allocate(bytes, `cache ${name}`));
    if (old !== undefined) {
      await this.#backend.run([copy(`grow ${name}`, old, slice, held * pageBytes, 0)]);
      this.#backend.free(old.buffer);
    }
    this.#memory.set(name, slice);
  }

  /** Through memory of its own: devices do not copy within a buffer. */
  async #copyPage(
    { state: { name }, rowBytes }: PagedCache,
    from: number,
    to: number,
  ): Promise<void> {
    const memory = this.#memory.get(name);
    invariant(memory !== undefined, `the cache ${name} has no memory yet`);
    const bytes = this.#pages.rows * rowBytes;
    const page = wholeOf(await this.#backend.allocate(tensorBytes(bytes / 4), `page of ${name}`));
    const source = { buffer: memory.buffer, offset: from * bytes, bytes };
    const label = `copy a page of ${name}`;
    await this.#backend.run([
      copy(label, source, page, bytes, 0),
      copy(label, page, memory, bytes, to * bytes),
    ]);
    this.#backend.free(page.buffer);
  }

  async #writeTable(): Promise<void> {
    const { pages } = this.#branch;
    const same = this.#written.length === pages.length;
    if (this.#table !== undefined && same && pages.every((page, i) => page === this.#written[i]))
      return;
    const bytes = tensorBytes(Math.max(1, pages.length));
    if (this.#table === undefined || this.#table.bytes < bytes) {
      const room = tensorBytes(2 * Math.max(1, pages.length));
      if (this.#table !== undefined) this.#backend.free(this.#table.buffer);
      this.#table = wholeOf(await this.#backend.allocate(room, "the table of pages"));
    }
    if (pages.length > 0) await this.#backend.upload(this.#table.buffer, 0, Int32Array.from(pages));
    this.#written = [...pages];
  }
}

function empty(): Branch {
  return { past: 0, pages: [], basis: undefined };
}

function copy(label: string, from: Slice, to: Slice, bytes: number, toOffset: number): Command {
  return { kind: "copy", label, from, to, bytes, toOffset };
}
