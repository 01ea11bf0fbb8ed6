/** What phases took, for people. */

/** What one phase took: `ran` is false where everything it computes was there already. */
export interface PhaseTiming {
  readonly phase: string;
  readonly ran: boolean;
  /**
   * Wall time in milliseconds until the device was done; for a phase that appends, or has
   * outputs elsewhere than on the host, until it was read from.
   */
  readonly ms: number;
}

/** The timings of a session, in order. */
export class Timings {
  #list: PhaseTiming[] = [];

  /** Those since the session began or `clear`. */
  get all(): readonly PhaseTiming[] {
    return this.#list;
  }

  /** Begins a new list. */
  clear(): void {
    this.#list = [];
  }

  /** Notes that `phase` had nothing to do. */
  skipped(phase: string): void {
    this.#list.push({ phase, ran: false, ms: 0 });
  }

  /** Notes what `phase` took since `start`, in milliseconds of the clock. */
  ran(phase: string, start: number): void {
    this.#list.push({ phase, ran: true, ms: performance.now() - start });
  }

  /**
   * As `ran`, for a phase whose steps nobody waits for: whoever reads what it gave first calls the
   * result, and it took until then.
   */
  untilRead(phase: string, start: number): () => void {
    const timing = { phase, ran: true, ms: performance.now() - start };
    this.#list.push(timing);
    let read = false;
    return () => {
      if (!read) timing.ms = performance.now() - start;
      read = true;
    };
  }
}
