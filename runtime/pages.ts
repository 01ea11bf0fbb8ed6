/**
 * Pages of cache rows, and whose they are. Every cache has memory for the same pages, so one list of
 * pages says where the rows of a conversation lie in all of them.
 *
 * Holds: a page that nobody has is free; a page that several have is written by none of them.
 */

import { invariant } from "./errors.ts";

/** The pages of one session. */
export class Pages {
  /** Rows of a page. */
  readonly rows: number;
  /** By page: how many conversations have it. */
  readonly #users: number[] = [];
  readonly #free: number[] = [];

  /** Pages of `rows` rows, a multiple of 4. */
  constructor(rows: number) {
    invariant(rows > 0 && rows % 4 === 0, `a page has ${rows} rows`);
    this.rows = rows;
  }

  /** How many pages there must be memory for. */
  get count(): number {
    return this.#users.length;
  }

  /** A page that nobody has. */
  take(): number {
    const page = this.#free.pop() ?? this.#users.length;
    this.#users[page] = 1;
    return page;
  }

  /** Gives pages to one more conversation. */
  share(pages: readonly number[]): void {
    for (const page of pages) this.#users[page] = this.#usersOf(page) + 1;
  }

  /** Takes pages from a conversation. */
  release(pages: readonly number[]): void {
    for (const page of pages) {
      const left = this.#usersOf(page) - 1;
      this.#users[page] = left;
      if (left === 0) this.#free.push(page);
    }
  }

  /** Whether several conversations have the page. */
  isShared(page: number): boolean {
    return this.#usersOf(page) > 1;
  }

  #usersOf(page: number): number {
    const users = this.#users[page] ?? 0;
    invariant(users > 0, `page ${page} belongs to nobody`);
    return users;
  }
}
